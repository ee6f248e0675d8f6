"""People for the sandbox and the demo: generated, or read from a CSV file.

Called by run and demo; the Okta simulator's seed puts them into an org. Generated people are the same for the
same seed, and all of example.com, which belongs to nobody (RFC 2606).
"""

from __future__ import annotations

import csv
import random
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from controller.errors import SpecError

COLUMNS = ("login", "first", "last", "display name", "department", "groups")
DEPARTMENTS = ("Engineering", "Sales EMEA", "Sales US", "Marketing", "Finance", "Support")
_WEIGHTS = (30, 18, 17, 13, 9, 13)
_LONGEST = {"login": 100, "first": 50, "last": 50, "display name": 100, "department": 100}

FIRST_NAMES = (
    "Ada", "Adaeze", "Aiko", "Alejandra", "Amara", "Amir", "Ana", "Anders", "Anja", "Arjun", "Astrid", "Ayşe",
    "Beatriz", "Ben", "Bilal", "Björn", "Camille", "Carlos", "Chen", "Chidi", "Chloe", "Clara", "Daniel",
    "Deepa", "Diego", "Dmitri", "Elena", "Elif", "Emeka", "Emil", "Emma", "Erik", "Esra", "Farah",
    "Fatima", "Felix", "Finn", "Francesca", "Freja", "Gabriel", "Giulia", "Grace", "Greta", "Hana",
    "Hannah", "Haruto", "Hugo", "Ibrahim", "Ines", "Ingrid", "Isabel", "Ivan", "Jakub", "Jana", "Javier",
    "Jia", "Joana", "Jonas", "Jun", "Kaito", "Karim", "Katarzyna", "Kemal", "Kofi", "Kwame", "Lakshmi",
    "Lars", "Laura", "Layla", "Lea", "Leon", "Li", "Lin", "Liam", "Lucía", "Luis", "Lukas", "Maja",
    "Malik", "Marco", "Maria", "Mateo", "Maya", "Mei", "Mikael", "Milan", "Mina", "Mohamed", "Nadia",
    "Naoki", "Nia", "Nikolai", "Nina", "Noah", "Nour", "Olga", "Oliver", "Omar", "Oscar", "Pablo", "Paula",
    "Petra", "Pierre", "Priya", "Rafael", "Rania", "Ravi", "Rosa", "Ruth", "Sami", "Samuel", "Sana",
    "Sara", "Selin", "Sofia", "Søren", "Stefan", "Tariq", "Tara", "Tomás", "Uma", "Vera", "Viktor",
    "Wanjiru", "Wei", "Yara", "Yasmin", "Yuki", "Yusuf", "Zainab", "Zoe", "Zofia",
)  # fmt: skip
LAST_NAMES = (
    "Abbas", "Acheampong", "Adeyemi", "Ahmed", "Almeida", "Andersen", "Aziz", "Bakker", "Banerjee", "Barbosa",
    "Becker", "Bernard", "Bianchi", "Björk", "Braun", "Castillo", "Chanda", "Chen", "Choi", "Costa", "Çelik",
    "Dahl", "Das", "Demir", "Diallo", "Dubois", "Dvořák", "Edwards", "Eriksson", "Esposito", "Farah",
    "Fernández", "Ferreira", "Fischer", "Fontaine", "Fujita", "García", "Gomes", "Greco", "Green", "Gupta",
    "Haddad", "Hansen", "Hassan", "Hernández", "Hoffmann", "Horváth", "Ito", "Ivanova", "Jansen",
    "Johansson", "Kamau", "Kang", "Kaya", "Keller", "Khan", "Kim", "Kobayashi", "Kovács", "Kowalska",
    "Kumar", "Larsen", "Laurent", "Lee", "Lehmann", "Lindqvist", "Lopes", "Marino", "Martin", "Mehta",
    "Mensah", "Meyer", "Morales", "Moreau", "Mwangi", "Nair", "Nakamura", "Ndiaye", "Nguyen", "Nielsen",
    "Novak", "Nowak", "O'Brien", "O'Connor", "Obi", "Okafor", "Okonkwo", "Olsen", "Osei", "Öztürk", "Park",
    "Patel", "Pereira", "Petrov", "Popescu", "Quinn", "Rahman", "Ramos", "Rao", "Reyes", "Ricci",
    "Richter", "Rivera", "Romano", "Rossi", "Said", "Saito", "Sánchez", "Santos", "Sato", "Schneider",
    "Sharma", "Silva", "Singh", "Smith", "Sokolova", "Suzuki", "Svensson", "Tan", "Tanaka", "Torres",
    "Tran", "Vargas", "Virtanen", "Vogel", "Wagner", "Walker", "Wang", "Weber", "Wójcik", "Wright",
    "Yamamoto", "Yılmaz", "Zhang", "Zhou", "Zieliński",
)  # fmt: skip
_FOLDED = str.maketrans(
    {"ø": "o", "Ø": "O", "ı": "i", "ł": "l", "Ł": "L", "ß": "ss", "æ": "ae", "'": "", " ": ""}
)


@dataclass(frozen=True, slots=True)
class SandboxPerson:
    """A person as the sandbox's Okta will know them; `groups` are names."""

    login: str
    first: str
    last: str
    display_name: str
    department: str
    groups: tuple[str, ...] = ()

    @property
    def email(self) -> str:
        return self.login


def generated(count: int, seed: int = 1) -> tuple[SandboxPerson, ...]:
    """`count` people, no two of one login; every twelfth an executive, sellers in Sales, and so on."""
    chance = random.Random(seed)
    taken: Counter[str] = Counter()
    return tuple(_person(chance, taken, number) for number in range(count))


def _person(chance: random.Random, taken: Counter[str], number: int) -> SandboxPerson:
    first, last = chance.choice(FIRST_NAMES), chance.choice(LAST_NAMES)
    department = chance.choices(DEPARTMENTS, _WEIGHTS)[0]
    local = f"{_ascii(first)}.{_ascii(last)}"
    taken[local] += 1
    suffix = str(taken[local]) if taken[local] > 1 else ""
    groups = [department if not department.startswith("Sales") else "Sales"]
    if number % 12 == 5:
        groups.append("Executives")
    return SandboxPerson(
        login=f"{local}{suffix}@example.com",
        first=first,
        last=last,
        display_name=f"{first} {last}",
        department=department,
        groups=tuple(groups),
    )


def _ascii(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name.translate(_FOLDED))
    return plain.encode("ascii", "ignore").decode().lower()


def read_csv(path: str | Path) -> tuple[SandboxPerson, ...]:
    """The people of a CSV file with the columns login, first, last, display name, department, groups.

    Groups are separated by `;`; display name, department and groups may be empty. SpecError names file,
    line and column of the first mistake.
    """
    file = Path(path)
    try:
        text = file.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise SpecError("no such file", field=str(file)) from None
    except UnicodeDecodeError as error:
        raise SpecError(f"not UTF-8 at byte {error.start}; save it as UTF-8", field=str(file)) from None
    except OSError as error:
        raise SpecError(f"cannot be read: {error.strerror}", field=str(file)) from None
    return tuple(_read_rows(str(file), text))


def _read_rows(name: str, text: str) -> Iterator[SandboxPerson]:
    reader = csv.reader(text.splitlines(keepends=True), strict=True)
    columns: dict[str, int] = {}
    seen: dict[str, int] = {}
    try:
        for row in reader:
            if not any(cell.strip() for cell in row):
                continue
            if not columns:
                columns = _read_header(name, reader.line_num, row)
                continue
            person = _read_person(f"{name}, line {reader.line_num}", columns, row)
            earlier = seen.setdefault(person.login.lower(), reader.line_num)
            if earlier != reader.line_num:
                raise SpecError(
                    f"{person.login} is on line {earlier} already; logins must be unique",
                    field=f"{name}, line {reader.line_num}, column login",
                )
            yield person
    except csv.Error as error:
        raise SpecError(f"not CSV: {error}", field=f"{name}, line {reader.line_num}") from None
    if not seen:
        raise SpecError("there are no people in it", field=name)


def _read_header(name: str, line: int, row: Sequence[str]) -> dict[str, int]:
    titles = [cell.strip().lower().replace("_", " ") for cell in row]
    where = f"{name}, line {line}"
    for title in titles:
        if title not in COLUMNS:
            raise SpecError(f"unknown column {title!r}; the columns are {', '.join(COLUMNS)}", field=where)
        if titles.count(title) > 1:
            raise SpecError(f"column {title!r} is there twice", field=where)
    for title in ("login", "first", "last"):
        if title not in titles:
            raise SpecError(f"column {title!r} is missing; the columns are {', '.join(COLUMNS)}", field=where)
    return {title: index for index, title in enumerate(titles)}


def _read_person(where: str, columns: dict[str, int], row: Sequence[str]) -> SandboxPerson:
    if len(row) > len(columns):
        raise SpecError(
            f"{len(row)} cells where the header has {len(columns)}; put quotes around a cell with a comma",
            field=where,
        )
    cells = {title: row[at].strip() if at < len(row) else "" for title, at in columns.items()}
    for title in ("login", "first", "last"):
        if not cells[title]:
            raise SpecError("must not be empty", field=f"{where}, column {title}")
    for title, longest in _LONGEST.items():
        if len(cells.get(title, "")) > longest:
            raise SpecError(f"longer than {longest} characters", field=f"{where}, column {title}")
    local, at, host = cells["login"].partition("@")
    if not (local and at and "." in host) or any(letter.isspace() for letter in cells["login"]):
        raise SpecError(f"{cells['login']!r} is not an e-mail address", field=f"{where}, column login")
    groups = tuple(part.strip() for part in cells.get("groups", "").split(";") if part.strip())
    return SandboxPerson(
        login=cells["login"],
        first=cells["first"],
        last=cells["last"],
        display_name=cells.get("display name") or f"{cells['first']} {cells['last']}",
        department=cells.get("department", ""),
        groups=groups,
    )
