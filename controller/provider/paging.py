"""Sorted, filtered and cursor-paged searches: the statements that are built for one request.

Called by search for what its prepared statements don't cover. A page by cursor starts after the last row of
the page before, by value and position, so nobody is lost or shown twice while others come and go (RFC 9865).
"""

from __future__ import annotations

from typing import Any, NamedTuple

from scim2_models import AttributeBinding, ExpiredCursorException, InvalidCursorException
from scim2_server.cursor import Cursors
from sqlalchemy import (
    ColumnElement,
    Integer,
    Select,
    Text,
    and_,
    cast,
    func,
    literal,
    null,
    or_,
    select,
    union_all,
)

from controller.provider.filters import Operand, SearchTarget, is_complex, path_of, sub_name_of
from controller.provider.jsonsql import JsonSql, json_of
from controller.provider.mapping import digest
from controller.provider.organizations import Organization
from controller.provider.protocol import CURSOR_TIMEOUT_SECONDS
from controller.provider.query import Found, Page, Plan, table_of
from controller.provider.statements import Expression, Row, Unit

RANKS = {"User": 0, "Group": 1}


class Sort:
    """The order of one kind: a value (NULL last, first when descending), then the kind, then creation."""

    def __init__(self, plan: Plan, kind: str, unit: Unit) -> None:
        self.table = table_of(kind)
        self.rank = RANKS[kind]
        self.value, self.is_number = self._value(plan, kind, unit)

    def _value(self, plan: Plan, kind: str, unit: Unit) -> tuple[Expression | None, bool]:
        if plan.request.sort_by is None:
            return None, False
        model: Any = plan.protocol.user if kind == "User" else plan.protocol.group
        binding = plan.request.sort_binding(model)
        if binding is None:
            return cast(null(), Text), False
        column = SearchTarget(kind, model, plan.search.base_url, "").column_of(binding.urn.lower())
        json = json_of(unit.dialect)
        if column is not None:
            operand = column
        elif binding.is_multivalued:
            operand = Operand(self._first_of_many(json, binding))
        else:
            operand = Operand(json.text(self.table.c.doc, path_of(binding)))
        if binding.target_type is bool:
            return cast(operand.sql, Integer), True
        is_text = binding.target_type is str and not binding.case_exact and not operand.is_folded
        return (json.fold(operand.sql) if is_text else operand.sql), False

    def _first_of_many(self, json: JsonSql, binding: AttributeBinding) -> Expression:
        """The value of the primary entry, or of the first one (RFC 7644 section 3.4.2.3)."""
        path = path_of(binding)
        rows = json.each(self.table.c.doc, path[:-1] if sub_name_of(binding) else path, "sorted")
        if not is_complex(binding):  # plain values, as those of `schemas`, have no parts
            plain = select(json.item(rows)).order_by(rows.c.key).limit(1)
            return plain.scalar_subquery()
        sub = (sub_name_of(binding) or "value",)
        primary = func.coalesce(json.boolean(rows.c.value, ("primary",)), 0)
        chosen = select(json.text(rows.c.value, sub)).order_by(primary.desc(), rows.c.key).limit(1)
        return chosen.scalar_subquery()

    def columns(self) -> list[Expression]:
        """What is ordered by, most significant first: absent, value, rank, seq."""
        if self.value is None:
            absent: Expression = literal(0)
            value: Expression = literal("")
        else:
            absent = cast(self.value.is_(None), Integer)
            value = func.coalesce(self.value, 0 if self.is_number else "")
        return [absent, value, literal(self.rank), self.table.c.seq]


def run_search(unit: Unit, org: Organization, plan: Plan) -> Page:
    """The page that `plan` asks for. Raises invalidCursor, expiredCursor, invalidCount."""
    total = _total(unit, org, plan)
    request = plan.request
    if request.cursor is None:
        start = request.start_index or 1
        if not request.count or start > total:
            return Page(total, [], start)
        rows = unit.all(_statement(unit, org, plan, Window(request.count, start - 1)))
        return Page(total, [_found(row) for row in rows], start)
    return _page_by_cursor(unit, org, plan, total)


def _total(unit: Unit, org: Organization, plan: Plan) -> int:
    total = 0
    for kind in plan.search.kinds:
        if plan.request.filter is None:
            total += org.people_total if kind == "User" else org.groups_total
            continue
        counted = select(func.count()).select_from(table_of(kind)).where(*plan.clause(kind, unit, org))
        row = unit.one(counted)
        total += row[0] if row else 0
    return total


def _found(row: Row) -> Found:
    return Found._make(row[:4])


Anchor = Row


class Window(NamedTuple):
    """Which rows of the order: `size` after `skip`, beyond `anchor` if there is one."""

    size: int
    skip: int = 0
    anchor: Anchor | None = None
    is_backward: bool = False


def _statement(unit: Unit, org: Organization, plan: Plan, window: Window) -> Select[Row]:
    """Rows of kind, seq, id, doc and the four values they are ordered by."""
    descending = (plan.request.sort_order == "descending") is not window.is_backward
    parts = []
    for kind in plan.search.kinds:
        sort = Sort(plan, kind, unit)
        order = sort.columns()
        clauses = plan.clause(kind, unit, org)
        if window.anchor is not None:
            clauses.append(_beyond(order, window.anchor, descending))
        table = sort.table
        labelled = [column.label(f"o{index}") for index, column in enumerate(order)]
        parts.append(select(literal(kind), table.c.seq, table.c.id, table.c.doc, *labelled).where(*clauses))
        significant = _significant(plan, sort)
    if len(parts) == 1:
        ordered = [column.desc() if descending else column.asc() for column in significant]
        return parts[0].order_by(*ordered).limit(window.size).offset(window.skip)
    union = union_all(*parts).subquery()
    columns = [union.c[f"o{index}"] for index in range(4)]
    ordered = [column.desc() if descending else column.asc() for column in columns]
    return select(*union.c).order_by(*ordered).limit(window.size).offset(window.skip)


def _significant(plan: Plan, sort: Sort) -> list[Expression]:
    """The order without what is the same for every row, so that an index can serve it."""
    if sort.value is None:
        return [sort.table.c.seq]
    is_plain = getattr(sort.value, "nullable", True) is False
    return [sort.value, sort.table.c.seq] if is_plain else [*sort.columns()[:2], sort.table.c.seq]


def _beyond(order: list[Expression], anchor: Anchor, descending: bool) -> ColumnElement[bool]:
    """Whether a row comes after `anchor` in the order."""
    ways = []
    for index, (column, value) in enumerate(zip(order, anchor, strict=True)):
        same = [column == value for column, value in zip(order[:index], anchor[:index], strict=True)]
        ways.append(and_(*same, column < value if descending else column > value))
    return or_(*ways)


def _page_by_cursor(unit: Unit, org: Organization, plan: Plan, total: int) -> Page:
    request, sealer = plan.request, Cursors(plan.secret)
    query = digest(plan.search.kinds, org.id, str(request.filter), str(request.sort_by), request.sort_order)
    anchor, is_backward = _open(sealer, plan, query)
    if not request.count:
        return Page(total, [], None)
    statement = _statement(unit, org, plan, Window(request.count + 1, 0, anchor, is_backward))
    rows = list(unit.all(statement))
    has_more = len(rows) > request.count
    rows = rows[: request.count]
    if is_backward:
        rows.reverse()
    page = Page(total, [_found(row) for row in rows], None)
    has_next, has_previous = (True, has_more) if is_backward else (has_more, anchor is not None)
    if rows and has_next:
        page.next = _seal(sealer, plan, query, rows[-1], "next")
    if rows and has_previous:
        page.previous = _seal(sealer, plan, query, rows[0], "previous")
    return page


def _seal(sealer: Cursors, plan: Plan, query: str, row: Row, direction: str) -> str:
    position = {"d": direction, "a": list(row[4:8]), "t": plan.now_seconds}
    return sealer.seal(query, plan.request.count, position)


def _open(sealer: Cursors, plan: Plan, query: str) -> tuple[Anchor | None, bool]:
    """The values after which the page starts, and whether it is read backwards; None for the first."""
    if not plan.request.cursor:
        return None, False
    position = sealer.open(plan.request.cursor, query, plan.request.count, None)
    if not isinstance(position, dict) or len(position.get("a", ())) != 4:
        raise InvalidCursorException
    if plan.now_seconds - position["t"] > CURSOR_TIMEOUT_SECONDS:
        raise ExpiredCursorException
    return tuple(position["a"]), position["d"] == "previous"
