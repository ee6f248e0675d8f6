"""SCIM filters become SQL: scim2-models parses and checks them, the visitor here writes the WHERE clause.

Called by query, paging and groups. Attributes that are looked up by have a column and an index (userName,
externalId, id, displayName, e-mail addresses, the extension's group, times, members); every other one is
read from the stored JSON, in the database too. A clause is never NULL, so that `not` means what RFC 7644
section 3.4.2.2 says.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from scim2_models import AttributeBinding, InvalidFilterException
from scim2_models.path import (
    AttrPath,
    CompareOperator,
    Comparison,
    FilterNode,
    FilterVisitor,
    LogicalExpr,
    LogicalOperator,
    Not,
    Present,
    ValuePath,
)
from scim2_models.path.resolution import coerce_value
from sqlalchemy import (
    ColumnElement,
    Dialect,
    FromClause,
    Select,
    Table,
    and_,
    bindparam,
    exists,
    false,
    func,
    literal,
    not_,
    or_,
    select,
    true,
)

from controller.provider.casefold import fold
from controller.provider.jsonsql import JsonSql, json_of
from controller.provider.models import AnyFilter
from controller.provider.profiles import GROUP_ATTRIBUTE
from controller.provider.statements import Expression
from controller.provider.tables import groups, memberships, people, person_emails

MAX_FILTER_CHARACTERS = 8192
MAX_FILTER_DEPTH = 32
MAX_FILTER_TERMS = 100
LAST_CHARACTER = "\U0010ffff"
Clause = ColumnElement[bool]


@dataclass(frozen=True, slots=True)
class Operand:
    """A value in SQL, NULL if absent; `is_folded` says that it is kept without case."""

    sql: Expression
    is_folded: bool = False


@dataclass(frozen=True, slots=True)
class SearchTarget:
    """What is searched: the table of a kind, its model, and how a location is written."""

    kind: str
    model: object
    base_url: str
    org_id: str

    @property
    def table(self) -> Table:
        """people or groups."""
        return people if self.kind == "User" else groups

    def column_of(self, urn: str) -> Operand | None:
        """The column that holds the attribute `urn` (lower case), or None."""
        name = urn.rpartition(":")[2]
        table = self.table
        columns: dict[str, Operand] = {
            "id": Operand(table.c.id),
            "externalid": Operand(table.c.external_id),
            "displayname": Operand(table.c.display_name_key, is_folded=True),
            "meta.created": Operand(table.c.created),
            "meta.lastmodified": Operand(table.c.modified),
            "meta.location": Operand(literal(f"{self.base_url}/{self.kind}s/") + table.c.id),
        }
        if self.kind == "User":
            columns["username"] = Operand(table.c.user_name_key, is_folded=True)
            columns["active"] = Operand(table.c.active)
            if urn == GROUP_ATTRIBUTE.lower():
                return Operand(table.c.group_value)
        return columns.get(name) if urn.startswith("urn:ietf:params:scim:schemas:core:2.0:") else None


def check_size(text: str) -> None:
    """Raises invalidFilter for filters nobody writes: too long, too deep, too many terms, NUL in a value."""
    if "\\u0000" in text or "\x00" in text:
        raise InvalidFilterException(detail="A value must not contain the character NUL")
    depth = deepest = 0
    for character in text:
        depth += (character in "([") - (character in ")]")
        deepest = max(deepest, depth)
    terms = text.lower().count(" and ") + text.lower().count(" or ")
    if len(text) > MAX_FILTER_CHARACTERS or deepest > MAX_FILTER_DEPTH or terms > MAX_FILTER_TERMS:
        raise InvalidFilterException(
            detail=f"The filter is too large: at most {MAX_FILTER_CHARACTERS} characters, "
            f"{MAX_FILTER_DEPTH} levels and {MAX_FILTER_TERMS} terms"
        )


def where(
    node: FilterNode,
    scim_filter: AnyFilter,
    target: SearchTarget,
    dialect: Dialect,
    *,
    is_strict: bool = True,
) -> Clause:
    """The clause that holds for the rows of `target.table` that `node` matches.

    An attribute that is not the model's raises invalidFilter, or matches nothing if not strict (a search of
    several kinds, RFC 7644 section 3.4.2.1).
    """
    return _Writer(scim_filter, target, json_of(dialect), is_strict).visit(node)


def members_matching(
    scim_filter: AnyFilter, target: SearchTarget, dialect: Dialect, group_id: str
) -> Select[tuple[str]]:
    """The ids of the members that members[...] selects in one group.

    Raises invalidFilter if `scim_filter` is not of that form.
    """
    if not isinstance(scim_filter.ast, ValuePath):
        raise InvalidFilterException(detail=f"{scim_filter} does not select members")
    writer = _Writer(scim_filter, target, json_of(dialect), True)
    binding = scim_filter.resolve(scim_filter.ast.attr_path)
    assert binding is not None  # a strict filter raises for what it does not know
    link, rows = _members_of_group(writer, "m")
    return (
        select(link.c.member_id)
        .select_from(rows.source)
        .where(
            *rows.within,
            link.c.group_id == group_id,
            _Inner(writer, binding, rows).visit(scim_filter.ast.val_filter),
        )
    )


class _Writer(FilterVisitor[Clause]):
    def __init__(self, scim_filter: AnyFilter, target: SearchTarget, json: JsonSql, is_strict: bool) -> None:
        self.filter, self.target, self.json, self.is_strict = scim_filter, target, json, is_strict
        self.doc = target.table.c.doc
        self._names = 0

    def visit_not(self, node: Not) -> Clause:
        return not_(self.visit(node.expr))

    def visit_logical_expr(self, node: LogicalExpr) -> Clause:
        join = and_ if node.op == LogicalOperator.and_ else or_
        return join(*(self.visit(term) for term in node.terms))

    def visit_comparison(self, node: Comparison) -> Clause:
        binding = self.filter.resolve_comparison(node.attr_path, strict=self.is_strict)
        if binding is None:
            return false()
        value = coerce_value(binding, node.value, node.op)
        column = self.target.column_of(binding.urn.lower())
        if column is not None:
            return compare(self.json, column, node.op, value, binding)
        if binding.is_multivalued:
            # `ne` on many values: none of them equals the operand.
            negated = node.op == CompareOperator.ne
            op = CompareOperator.eq if negated else node.op
            return self._any(binding, lambda item: compare(self.json, item, op, value, binding), negated)
        return compare(self.json, self._scalar(binding), node.op, value, binding)

    def visit_present(self, node: Present) -> Clause:
        binding = self.filter.resolve(node.attr_path, strict=self.is_strict)
        if binding is None:
            return false()
        column = self.target.column_of(binding.urn.lower())
        if column is not None:
            return column.sql.is_not(None)
        if binding.is_multivalued:
            return self._any(binding, lambda item: _present(item, binding), False)
        return self.json.exists(self.doc, path_of(binding))

    def visit_value_path(self, node: ValuePath) -> Clause:
        binding = self.filter.resolve(node.attr_path, strict=self.is_strict)
        if binding is None:
            return false()
        matches = self._rows(binding, lambda rows: _Inner(self, binding, rows).visit(node.val_filter))
        # What the brackets demand of `value` is looked up by index first, if there is one.
        narrowed = [
            self.visit(
                Comparison(AttrPath(node.attr_path.attr, "value", node.attr_path.uri), term.op, term.value)
            )
            for term in _required_terms(node.val_filter)
            if binding.urn.lower().endswith(":user:emails") and term.attr_path.attr.lower() == "value"
        ]
        return and_(*narrowed, matches)

    def _scalar(self, binding: AttributeBinding) -> Operand:
        path = path_of(binding)
        if binding.target_type is bool:
            return Operand(self.json.boolean(self.doc, path))
        return Operand(self.json.text(self.doc, path))

    def _any(self, binding: AttributeBinding, test: Callable[[Operand], Clause], is_negated: bool) -> Clause:
        """Whether some entry passes `test`; none does if negated."""
        sub = sub_name_of(binding)
        clause = self._rows(binding, lambda rows: test(rows.operand(sub, binding)))
        return not_(clause) if is_negated else clause

    def _rows(self, binding: AttributeBinding, test: Callable[[Rows], Clause]) -> Clause:
        """Whether there is a row for an entry of a multi-valued attribute that passes `test`."""
        self._names += 1
        rows = _rows_of(self, binding, f"e{self._names}")
        found = select(rows.key).select_from(rows.source)
        if rows.owner is None:
            return exists(found.where(test(rows)))
        # Not correlated, so that it is answered by its own index and then looked up.
        return rows.owner.in_(found.where(*rows.within, test(rows)))


@dataclass(frozen=True, slots=True)
class Rows:
    """The entries of one multi-valued attribute as rows.

    `owner` is the column of the resource that `key` of a row equals, `within` confines rows to the
    organization; rows made of the resource's own JSON have no owner.
    """

    source: FromClause
    key: Expression
    json: JsonSql
    owner: Expression | None = None
    within: tuple[Clause, ...] = ()
    operands: dict[str, Operand] | None = None

    def operand(self, sub: str | None, binding: AttributeBinding) -> Operand:
        """The sub-attribute `sub` of an entry, or the entry itself if it is plain."""
        if self.operands is not None:
            found = self.operands.get((sub or "value").lower())
            return found or Operand(literal(None))
        if sub is None and not is_complex(binding):
            return Operand(self.json.item(self.source))  # type: ignore[arg-type]
        if sub is None:
            return Operand(literal("present"))
        value = self.source.c.value
        if binding.target_type is bool:
            return Operand(self.json.boolean(value, (sub,)))
        return Operand(self.json.text(value, (sub,)))


def _rows_of(writer: _Writer, binding: AttributeBinding, name: str) -> Rows:
    target = writer.target
    head = binding.model._scim_name(binding.field_name).lower()
    if target.kind == "User" and head == "emails" and sub_name_of(binding) == "value":
        mails = person_emails.alias(name)
        operands = {"value": Operand(mails.c.value_key, is_folded=True)}
        within = (mails.c.org_id == target.org_id,)
        return Rows(mails, mails.c.person_seq, writer.json, people.c.seq, within, operands)
    if target.kind == "User" and head == "groups":
        return _groups_of_user(writer, name)
    if target.kind == "Group" and head == "members":
        return _members_of_group(writer, name)[1]
    path = path_of(binding)[: 2 if _in_extension(binding) else 1]
    return Rows(writer.json.each(writer.doc, path, name), literal(1), writer.json)


def _groups_of_user(writer: _Writer, name: str) -> Rows:
    link, group = memberships.alias(name), groups.alias(name + "g")
    source = link.join(group, and_(group.c.org_id == link.c.org_id, group.c.id == link.c.group_id))
    operands = {
        "value": Operand(link.c.group_id),
        "display": Operand(group.c.display_name_key, is_folded=True),
        "$ref": Operand(literal(f"{writer.target.base_url}/Groups/") + link.c.group_id),
        "type": Operand(literal("direct")),
    }
    within = (link.c.org_id == writer.target.org_id,)
    return Rows(source, link.c.member_id, writer.json, people.c.id, within, operands)


def _members_of_group(writer: _Writer, name: str) -> tuple[FromClause, Rows]:
    """The table of memberships under a name of its own, and the members in it."""
    link, person = memberships.alias(name), people.alias(name + "p")
    source = link.outerjoin(person, and_(person.c.org_id == link.c.org_id, person.c.id == link.c.member_id))
    base = writer.target.base_url
    shown = func.coalesce(link.c.display, person.c.display_name, person.c.user_name)
    operands = {
        "value": Operand(link.c.member_id),
        "type": Operand(link.c.kind),
        "display": Operand(shown),
        "$ref": Operand(literal(f"{base}/") + link.c.kind + literal("s/") + link.c.member_id),
    }
    within = (link.c.org_id == writer.target.org_id,)
    return link, Rows(source, link.c.group_id, writer.json, groups.c.id, within, operands)


class _Inner(FilterVisitor[Clause]):
    """The filter between the brackets of emails[...], about one entry."""

    def __init__(self, writer: _Writer, binding: AttributeBinding, rows: Rows) -> None:
        self.writer, self.binding, self.rows = writer, binding, rows

    def visit_not(self, node: Not) -> Clause:
        return not_(self.visit(node.expr))

    def visit_logical_expr(self, node: LogicalExpr) -> Clause:
        join = and_ if node.op == LogicalOperator.and_ else or_
        return join(*(self.visit(term) for term in node.terms))

    def visit_value_path(self, node: ValuePath) -> Clause:
        raise InvalidFilterException(detail="A value filter cannot be inside another one")

    def visit_comparison(self, node: Comparison) -> Clause:
        binding = self._resolve(node.attr_path)
        if binding is None:
            return false()
        value = coerce_value(binding, node.value, node.op)
        sub = sub_name_of(binding)
        return compare(self.writer.json, self.rows.operand(sub, binding), node.op, value, binding)

    def visit_present(self, node: Present) -> Clause:
        binding = self._resolve(node.attr_path)
        if binding is None:
            return false()
        return _present(self.rows.operand(sub_name_of(binding), binding), binding)

    def _resolve(self, path: AttrPath) -> AttributeBinding | None:
        """The sub-attribute that `path` names; None if a plain entry has no such part."""
        head = self.binding.model._scim_name(self.binding.field_name)
        if not is_complex(self.binding):
            return self.binding if path.attr.lower() == "value" else None
        if path.sub_attr is not None:
            raise InvalidFilterException(detail=f"{path} is not a sub-attribute of {head}")
        uri = self.binding.urn.rpartition(":")[0]
        found: AttributeBinding | None = self.writer.filter.resolve(AttrPath(head, path.attr, uri))
        return found


def _required_terms(node: FilterNode) -> list[Comparison]:
    """The equalities that must hold wherever `node` does."""
    if isinstance(node, LogicalExpr) and node.op == LogicalOperator.and_:
        return [term for each in node.terms for term in _required_terms(each)]
    return [node] if isinstance(node, Comparison) and node.op == CompareOperator.eq else []


def is_complex(binding: AttributeBinding) -> bool:
    """Whether values of the attribute have sub-attributes."""
    return hasattr(binding.field_type, "model_fields")


def _in_extension(binding: AttributeBinding) -> bool:
    return not binding.urn.lower().startswith("urn:ietf:params:scim:schemas:core:2.0:")


def sub_name_of(binding: AttributeBinding) -> str | None:
    if binding.sub_field_name is None:
        return None
    holder: Any = binding.field_type
    name: str = holder._scim_name(binding.sub_field_name)
    return name


def path_of(binding: AttributeBinding) -> tuple[str, ...]:
    """Where the attribute is in the stored JSON."""
    head = binding.model._scim_name(binding.field_name)
    path = (binding.urn.rpartition(":")[0], head) if _in_extension(binding) else (head,)
    sub = sub_name_of(binding)
    return (*path, sub) if sub else path


def _present(operand: Operand, binding: AttributeBinding) -> Clause:
    """Whether there is a value; an empty string is none."""
    there = operand.sql.is_not(None)
    return there if binding.target_type is bool else and_(there, operand.sql != "")


def compare(
    json: JsonSql, operand: Operand, op: CompareOperator, value: object, binding: AttributeBinding
) -> Clause:
    """`operand op value`, never NULL; an absent value is unequal to everything."""
    sql = operand.sql
    if op == CompareOperator.ne:
        return not_(compare(json, operand, CompareOperator.eq, value, binding))
    if value is None:
        return sql.is_(None) if op == CompareOperator.eq else false()
    plain = _plain(value)
    if isinstance(plain, str) and not _is_moment(value) and not binding.case_exact:
        sql = sql if operand.is_folded else json.fold(sql)
        plain = fold(plain)
    elif operand.is_folded and isinstance(plain, str):
        plain = fold(plain)
    if isinstance(value, bytes):
        sql = func.replace(sql, "\n", "")
    if binding.target_type is datetime and not _is_moment(value):
        return false()  # a part of a time is not a time
    return and_(operand.sql.is_not(None), _test(json, sql, op, plain))


def _test(json: JsonSql, sql: Expression, op: CompareOperator, plain: object) -> Clause:
    parameter: Expression = bindparam(None, plain, unique=True)
    if op in (CompareOperator.co, CompareOperator.sw, CompareOperator.ew):
        if not isinstance(plain, str):
            return false()
        if op == CompareOperator.co:
            return json.contains(sql, parameter) if plain else true()
        if op == CompareOperator.ew:
            return json.ends(sql, parameter) if plain else true()
        # A range, because an index serves it.
        return and_(sql >= parameter, sql < bindparam(None, plain + LAST_CHARACTER, unique=True))
    tests: dict[CompareOperator, Clause] = {
        CompareOperator.eq: sql == parameter,
        CompareOperator.gt: sql > parameter,
        CompareOperator.ge: sql >= parameter,
        CompareOperator.lt: sql < parameter,
        CompareOperator.le: sql <= parameter,
    }
    return tests[op]


def _is_moment(value: object) -> bool:
    return isinstance(value, datetime)


def _plain(value: object) -> str | int | float:
    """The value as the database holds it."""
    if isinstance(value, datetime):
        moment = value if value.tzinfo else value.replace(tzinfo=UTC)
        return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, int | float):
        return value
    try:
        return str(value).encode().decode()
    except UnicodeEncodeError as error:
        raise InvalidFilterException(detail="A value is not valid Unicode: half a surrogate pair") from error
