"""People for the sandbox: generated ones are unique and repeatable, CSV errors name line and column."""

from pathlib import Path

import pytest

from controller.errors import SpecError
from scim_sandbox.people import DEPARTMENTS, generated, read_csv


def test_generated_people_are_unique_and_the_same_for_one_seed() -> None:
    people = generated(2000, seed=7)
    assert len({person.login for person in people}) == 2000
    assert people == generated(2000, seed=7)
    assert people != generated(2000, seed=8)


def test_generated_people_have_every_department_and_example_addresses() -> None:
    people = generated(200)
    assert {person.department for person in people} == set(DEPARTMENTS)
    assert all(person.login.endswith("@example.com") and person.login.isascii() for person in people)
    assert {"Executives", "Sales", "Engineering"} <= {group for person in people for group in person.groups}


def write(folder: Path, text: str) -> Path:
    file = folder / "people.csv"
    file.write_text(text, encoding="utf-8")
    return file


def test_a_csv_is_read_with_its_groups_and_a_default_display_name(tmp_path: Path) -> None:
    file = write(
        tmp_path,
        "login,first,last,display name,department,groups\n"
        "ada@acme.com,Ada,Lovelace,,Engineering,Calendly users; Executives\n\n"
        '"bo@acme.com",Bo,"O\'Neil",Bo the Second,,\n',
    )
    ada, bo = read_csv(file)
    assert (ada.display_name, ada.groups) == ("Ada Lovelace", ("Calendly users", "Executives"))
    assert (bo.last, bo.display_name, bo.department, bo.groups) == ("O'Neil", "Bo the Second", "", ())


def test_a_csv_saved_by_a_spreadsheet_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    file = write(tmp_path, "\ufefflogin,first,last\nada@acme.com,Ada,Lovelace\n")
    assert read_csv(file)[0].login == "ada@acme.com"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("login,first\na@b.co,A\n", "line 1: column 'last' is missing"),
        ("login,first,last,shoe size\n", "line 1: unknown column 'shoe size'"),
        ("login,login,first,last\n", "column 'login' is there twice"),
        ("login,first,last\nada,Ada,L\n", "line 2, column login: 'ada' is not an e-mail address"),
        ("login,first,last\na@b.co,,L\n", "line 2, column first: must not be empty"),
        ("login,first,last\na@b.co,A,L\nA@b.co,A,L\n", "line 3, column login: A@b.co is on line 2 already"),
        ("login,first,last\na@b.co,A,L,x\n", "line 2: 4 cells where the header has 3"),
        ('login,first,last\na@b.co,"A,L\n', "not CSV"),
        (f"login,first,last\na@b.co,{'A' * 51},L\n", "line 2, column first: longer than 50"),
        ("login,first,last\n", "there are no people in it"),
        ("", "there are no people in it"),
    ],
)
def test_a_wrong_csv_is_refused_by_line_and_column(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(SpecError) as caught:
        read_csv(write(tmp_path, text))
    assert words in caught.value.message
    assert "people.csv" in caught.value.message


def test_a_csv_that_is_not_there_or_not_text_is_named(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="no such file"):
        read_csv(tmp_path / "none.csv")
    (tmp_path / "latin.csv").write_bytes(b"login,first,last\na@b.co,J\xfcrgen,L\n")
    with pytest.raises(SpecError, match="not UTF-8"):
        read_csv(tmp_path / "latin.csv")
    with pytest.raises(SpecError, match="cannot be read"):
        read_csv(tmp_path)
