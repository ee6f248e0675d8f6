"""Lists: filtered, sorted, and paged by index or by cursor, answered from stored text.

Called by scim for GET and POST .search on Users, on Groups and on the root. What is asked for most (a page
of everybody, one person by a key) has statements of its own that are compiled once; everything else is
built from the filter. RFC 7644 section 3.4.2, RFC 9865.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, NamedTuple

from pydantic import ValidationError
from scim2_models import InvalidValueException, SearchRequest
from scim2_server.service import scim_exception_of
from sqlalchemy import ColumnElement, bindparam, literal, select

from controller.provider.documents import Projection, answer, dumps, group_members, user_groups
from controller.provider.filters import Target, check_size, where
from controller.provider.folding import fold
from controller.provider.memberships import groups_of_many, members_of
from controller.provider.organizations import Organization
from controller.provider.protocol import Protocol
from controller.provider.statements import Prepared, Unit
from controller.provider.tables import groups, people, person_emails

LIST_SCHEMA = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
CORE = "urn:ietf:params:scim:schemas:core:2.0:"
Clause = ColumnElement[bool]
_EQUALITY = re.compile(
    r'\s*(userName|externalId|id|displayName|emails(?:\.value)?)\s+eq\s+"([^"\\\x00-\x1f]*)"\s*',
    re.IGNORECASE,
)


class Found(NamedTuple):
    """One row of a page: kind, position, id and stored text."""

    kind: str
    seq: int
    id: str
    doc: str


@dataclass(frozen=True, slots=True)
class Search:
    """A search as it was asked for. `kinds` are User, Group or both (the root)."""

    kinds: tuple[str, ...]
    parameters: dict[str, Any]
    base_url: str


@dataclass(slots=True)
class Page:
    """What was found. `total` counts every match."""

    total: int
    rows: list[Found]
    start: int | None = 1
    next: str | None = None
    previous: str | None = None


def table_of(kind: str) -> Any:
    """people or groups."""
    return people if kind == "User" else groups


def _page_statement(kind: str, **conditions: Any) -> Prepared:
    table = table_of(kind)
    return Prepared(
        select(literal(kind), table.c.seq, table.c.id, table.c.doc)
        .where(table.c.org_id == bindparam("org_id"), *conditions.values())
        .order_by(table.c.seq)
        .limit(bindparam("count"))
        .offset(bindparam("skip"))
    )


_ALL = {kind: _page_statement(kind) for kind in ("User", "Group")}
_FROM = {
    kind: _page_statement(kind, start=table_of(kind).c.seq >= bindparam("start_seq"))
    for kind in ("User", "Group")
}
_MAIL_OWNERS = select(person_emails.c.person_seq).where(
    person_emails.c.org_id == bindparam("org_id"), person_emails.c.value_key == bindparam("value")
)
_EQUAL = {
    ("User", "username"): _page_statement("User", key=people.c.user_name_key == bindparam("value")),
    ("User", "externalid"): _page_statement("User", key=people.c.external_id == bindparam("value")),
    ("User", "id"): _page_statement("User", key=people.c.id == bindparam("value")),
    ("User", "displayname"): _page_statement("User", key=people.c.display_name_key == bindparam("value")),
    ("User", "emails"): _page_statement("User", key=people.c.seq.in_(_MAIL_OWNERS)),
    ("Group", "displayname"): _page_statement("Group", key=groups.c.display_name_key == bindparam("value")),
    ("Group", "externalid"): _page_statement("Group", key=groups.c.external_id == bindparam("value")),
    ("Group", "id"): _page_statement("Group", key=groups.c.id == bindparam("value")),
}
EXACT = ("id", "externalid")


class Plan:
    """A search that has been read: which way to find the rows, how to page, what to show."""

    def __init__(self, search: Search, protocol: Protocol, secret: str, now_seconds: float) -> None:
        self.search, self.protocol = search, protocol
        self.secret, self.now_seconds = secret, now_seconds
        self.parameters = {name.lower(): value for name, value in search.parameters.items()}
        self.projection = Projection(
            CORE + ("User" if search.kinds == ("User",) else "Group"),
            _joined(self.parameters.get("attributes")),
            _joined(self.parameters.get("excludedattributes")),
        )
        if self.projection.wanted and self.projection.unwanted:
            raise InvalidValueException(detail="attributes and excludedAttributes exclude each other")
        self.quick = self._read_quick()
        self.request: Any = None if self.quick else self._read_whole()

    def _read_quick(self) -> tuple[str | None, str, int, int] | None:
        """(attribute, value, start, count) of the plain searches; None for every other one."""
        given = self.parameters.keys() - {"attributes", "excludedattributes"}
        if len(self.search.kinds) != 1 or given - {"filter", "startindex", "count"}:
            return None
        try:
            start = max(1, int(self.parameters.get("startindex", 1)))
            count = self._bounded(self.parameters.get("count"))
        except (TypeError, ValueError):
            return None
        text = self.parameters.get("filter")
        if text is None:
            return None, "", start, count
        match = _EQUALITY.fullmatch(text) if isinstance(text, str) else None
        if match is None or len(text) > 1000:
            return None
        name = match.group(1).lower().removesuffix(".value")
        if (self.search.kinds[0], name) not in _EQUAL:
            return None
        return name, match.group(2) if name in EXACT else fold(match.group(2)), start, count

    def _bounded(self, count: Any) -> int:
        largest = self.protocol.shape.max_page_size
        pagination: Any = self.protocol.provider.config.pagination if self.protocol.provider.config else None
        return pagination.default_page_size if count is None else max(0, min(int(count), largest))

    def _read_whole(self) -> Any:
        """The request as scim2-models reads it, checked against the models. Raises the SCIM error."""
        known = {
            name: value
            for name, value in self.search.parameters.items()
            if name.lower() in ("filter", "sortby", "sortorder", "startindex", "count", "cursor")
        }
        check_size(str(self.parameters.get("filter", "")))
        models = {"User": self.protocol.user_search, "Group": self.protocol.group_search}
        parametrized = models[self.search.kinds[0]]
        if len(self.search.kinds) > 1:
            union: Any = self.protocol.user | self.protocol.group
            generic: Any = SearchRequest
            parametrized = generic[union]
        try:
            request = parametrized.model_validate(known)
        except ValidationError as error:
            raise scim_exception_of(error) from error
        if request.cursor is not None and request.start_index is not None:
            raise InvalidValueException(detail="A search has a cursor or a startIndex, not both")
        request.count = self._bounded(request.count)
        return request

    @property
    def is_heavy(self) -> bool:
        """Whether the search may look at many rows."""
        return self.quick is None

    def run(self, unit: Unit, org: Organization) -> Page:
        """The page."""
        return self._run_quick(unit, org) if self.quick else self._run_whole(unit, org)

    def _run_quick(self, unit: Unit, org: Organization) -> Page:
        assert self.quick is not None
        name, value, start, count = self.quick
        kind = self.search.kinds[0]
        if name is None:
            total = org.people_total if kind == "User" else org.groups_total
            rows = _rows_at(unit, org, kind, start - 1, count) if count and start <= total else []
            return Page(total, rows, start)
        statement = _EQUAL[kind, name]
        # One row more than the page holds tells whether there are others to count.
        found = [
            Found._make(row)
            for row in unit.all(statement, org_id=org.id, value=value, count=count + start, skip=0)
        ]
        total = len(found)
        if total == count + start:
            total = len(unit.all(statement, org_id=org.id, value=value, count=1 << 31, skip=0))
        return Page(total, found[start - 1 : start - 1 + count], start)

    def _run_whole(self, unit: Unit, org: Organization) -> Page:
        from controller.provider.paging import run_search

        return run_search(unit, org, self)

    def clause(self, kind: str, unit: Unit, org: Organization) -> list[Clause]:
        """The conditions on the rows of `kind`."""
        table = table_of(kind)
        clauses: list[Clause] = [table.c.org_id == org.id]
        if self.request.filter is not None:
            model = self.protocol.user if kind == "User" else self.protocol.group
            typed = (self.protocol.user_filter if kind == "User" else self.protocol.group_filter)(
                str(self.request.filter)
            )
            target = Target(kind, model, self.search.base_url, org.id)
            clauses.append(
                where(typed.ast, typed, target, unit.dialect, is_strict=len(self.search.kinds) == 1)
            )
        return clauses

    def render(self, unit: Unit, org: Organization, page: Page) -> bytes:
        """The ListResponse."""
        resources = render_rows(unit, org, page.rows, self.search.base_url, self.projection)
        head: dict[str, Any] = {"schemas": [LIST_SCHEMA], "totalResults": page.total}
        if page.start is not None:
            head["startIndex"] = page.start
        head["itemsPerPage"] = len(page.rows)
        for name, cursor in (("nextCursor", page.next), ("previousCursor", page.previous)):
            if cursor:
                head[name] = cursor
        return f'{dumps(head)[:-1]},"Resources":[{",".join(resources)}]}}'.encode()


def _joined(value: Any) -> str | None:
    """attributes as one text; a .search body gives a list."""
    return ",".join(map(str, value)) if isinstance(value, list) else value


ANCHOR_EVERY = 1000
_SEQ_FROM = Prepared(
    select(people.c.seq)
    .where(people.c.org_id == bindparam("org_id"), people.c.seq >= bindparam("start_seq"))
    .order_by(people.c.seq)
    .limit(1)
    .offset(bindparam("skip"))
)


def _rows_at(unit: Unit, org: Organization, kind: str, skip: int, count: int) -> list[Found]:
    """`count` rows after the first `skip` in order of creation.

    Skipping many rows is slow, so the position of every thousandth is remembered. New people come last and
    move nobody; a removal does, so what is remembered holds for one number of removals.
    """
    if kind != "User" or skip < 2 * ANCHOR_EVERY:
        return [Found._make(row) for row in unit.all(_ALL[kind], org_id=org.id, count=count, skip=skip)]
    removals, anchors = unit.memory.get(("anchors", org.id), (-1, []))
    if removals != org.people_removals:
        anchors = [0]
    number, rest = divmod(skip, ANCHOR_EVERY)
    while len(anchors) <= number:
        row = unit.one(_SEQ_FROM, org_id=org.id, start_seq=anchors[-1], skip=ANCHOR_EVERY)
        if row is None:
            return []
        anchors.append(row[0])
    unit.memory["anchors", org.id] = (org.people_removals, anchors)
    rows = unit.all(_FROM[kind], org_id=org.id, start_seq=anchors[number], count=count, skip=rest)
    return [Found._make(row) for row in rows]


def render_rows(
    unit: Unit, org: Organization, rows: list[Found], base_url: str, projection: Projection
) -> list[str]:
    """Each row as the text of its resource."""
    of_people: dict[str, list[tuple[str, str]]] = {}
    ids = [row.id for row in rows if row.kind == "User"]
    if ids and org.groups_total and org.profile.groups and projection.needs("groups"):
        of_people = groups_of_many(unit, org.id, ids)
    return [_render(unit, org, row, base_url, projection, of_people) for row in rows]


def _render(
    unit: Unit,
    org: Organization,
    row: Found,
    base_url: str,
    projection: Projection,
    of_people: dict[str, list[tuple[str, str]]],
) -> str:
    extra = ""
    if row.kind == "User":
        extra = user_groups(of_people.get(row.id, ()), base_url)
    elif projection.needs("members"):
        extra = group_members(members_of(unit, org.id, row.id), base_url)
    text = answer(row.doc, f"{base_url}/{row.kind}s/{row.id}", extra)
    return dumps(projection.apply(json.loads(text))) if projection else text
