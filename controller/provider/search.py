"""Lists: filtered, sorted, and paged by index or by cursor, answered from stored text.

Called by scim for GET and POST .search on Users, on Groups and on the root. What is asked for most (a page
of everybody, one person by a key) has statements of its own that are compiled once; everything else is
built from the filter, by paging. RFC 7644 section 3.4.2, RFC 9865.
"""

from __future__ import annotations

import json

from sqlalchemy import bindparam, literal, select

from controller.provider.documents import JsonObject, Projection, answer, dumps, group_members, user_groups
from controller.provider.memberships import groups_of_many, members_of
from controller.provider.organizations import Organization
from controller.provider.paging import run_search
from controller.provider.query import Clause, Found, Page, Plan, table_of
from controller.provider.statements import Prepared, Unit
from controller.provider.tables import groups, people, person_emails

LIST_SCHEMA = "urn:ietf:params:scim:api:messages:2.0:ListResponse"


def _page_statement(kind: str, **conditions: Clause) -> Prepared:
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


def run_plan(unit: Unit, org: Organization, plan: Plan) -> Page:
    """The page that `plan` asks for."""
    if plan.quick is None:
        return run_search(unit, org, plan)
    name, value, start, count = plan.quick
    kind = plan.search.kinds[0]
    if name is None:
        total = org.people_total if kind == "User" else org.groups_total
        rows = _rows_at(unit, org, kind, start - 1, count) if count and start <= total else []
        return Page(total, rows, start)
    statement = _EQUAL[kind, name]
    # One row more than the page holds shows whether there are others to count.
    found = [
        Found._make(row)
        for row in unit.all(statement, org_id=org.id, value=value, count=count + start, skip=0)
    ]
    total = len(found)
    if total == count + start:
        total = len(unit.all(statement, org_id=org.id, value=value, count=1 << 31, skip=0))
    return Page(total, found[start - 1 : start - 1 + count], start)


def render_page(unit: Unit, org: Organization, plan: Plan, page: Page) -> bytes:
    """The ListResponse."""
    resources = render_rows(unit, org, page.rows, plan.search.base_url, plan.projection)
    head: JsonObject = {"schemas": [LIST_SCHEMA], "totalResults": page.total}
    if page.start is not None:
        head["startIndex"] = page.start
    head["itemsPerPage"] = len(page.rows)
    for name, cursor in (("nextCursor", page.next), ("previousCursor", page.previous)):
        if cursor:
            head[name] = cursor
    return f'{dumps(head)[:-1]},"Resources":[{",".join(resources)}]}}'.encode()


ANCHOR_EVERY = 250
_SEQ_FROM = Prepared(
    select(people.c.seq)
    .where(people.c.org_id == bindparam("org_id"), people.c.seq >= bindparam("start_seq"))
    .order_by(people.c.seq)
    .limit(1)
    .offset(bindparam("skip"))
)


def _rows_at(unit: Unit, org: Organization, kind: str, skip: int, count: int) -> list[Found]:
    """`count` rows after the first `skip` in order of creation.

    Skipping many rows is slow, so the position of one in ANCHOR_EVERY is remembered. New people come last and
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
