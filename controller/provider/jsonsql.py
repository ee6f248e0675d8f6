"""JSON in SQL on the two databases, for attributes that have no column of their own.

Called by filters. A document is a text column; `Path` names are SCIM's, so they are quoted everywhere.
"""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    ColumnElement,
    Dialect,
    Integer,
    Text,
    bindparam,
    cast,
    collate,
    func,
    literal_column,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.sql.selectable import TableValuedAlias

from controller.provider.statements import Expression

Path = tuple[str, ...]


class SqliteJson:
    """json_extract and json_each; scim_fold is our own function (database registers it)."""

    def text(self, doc: Expression, path: Path) -> Expression:
        """The scalar at `path`: text, a number, 1 or 0 for booleans; NULL if absent."""
        return func.json_extract(doc, self._path(path))

    def boolean(self, doc: Expression, path: Path) -> Expression:
        """1, 0 or NULL."""
        return self.text(doc, path)

    def exists(self, doc: Expression, path: Path) -> ColumnElement[bool]:
        """Whether there is anything at `path` but an empty string."""
        return func.coalesce(self.text(doc, path), "") != ""

    def each(self, doc: Expression, path: Path, name: str) -> TableValuedAlias:
        """The entries of the array at `path` as rows with the column `value`; none if absent."""
        return func.json_each(doc, self._path(path)).table_valued("value", "key", name=name)

    def item(self, rows: TableValuedAlias) -> Expression:
        """The entry itself, if entries are plain values."""
        return rows.c.value

    def fold(self, text: Expression) -> Expression:
        """`text` as folding.fold gives it."""
        return func.scim_fold(text)

    def contains(self, text: Expression, part: Expression) -> ColumnElement[bool]:
        """Whether `part` is in `text`."""
        return func.instr(text, part) > 0

    def ends(self, text: Expression, part: Expression) -> ColumnElement[bool]:
        """Whether `text` ends with `part`."""
        return func.substr(text, func.length(text) - func.length(part) + 1) == part

    @staticmethod
    def _path(path: Path) -> Expression:
        return bindparam(None, "$" + "".join(f'."{name}"' for name in path), unique=True)


class PostgresJson:
    """jsonb operators; folding by the ICU root collation, which does not depend on the server's locale."""

    def text(self, doc: Expression, path: Path) -> Expression:
        """The scalar at `path` as text; NULL if absent."""
        return collate(func.jsonb_extract_path_text(cast(doc, JSONB), *path, type_=Text()), "C")

    def boolean(self, doc: Expression, path: Path) -> Expression:
        """1, 0 or NULL."""
        return cast(cast(func.jsonb_extract_path_text(cast(doc, JSONB), *path), Boolean), Integer)

    def exists(self, doc: Expression, path: Path) -> ColumnElement[bool]:
        """Whether there is anything at `path` but an empty string."""
        return func.coalesce(func.jsonb_extract_path_text(cast(doc, JSONB), *path), "") != ""

    def each(self, doc: Expression, path: Path, name: str) -> TableValuedAlias:
        """The entries of the array at `path` as rows with the columns `value` and `key` (from 1)."""
        array = func.jsonb_extract_path(cast(doc, JSONB), *path)
        rows = func.jsonb_array_elements(array).table_valued("value", with_ordinality="key", name=name)
        return rows.render_derived()

    def item(self, rows: TableValuedAlias) -> Expression:
        """The entry itself, if entries are plain values."""
        empty = cast(literal_column("'{}'"), ARRAY(Text))
        return collate(cast(rows.c.value, JSONB).op("#>>", return_type=Text())(empty), "C")

    def fold(self, text: Expression) -> Expression:
        """`text` in lower case, in Unicode's composed form."""
        lowered = func.lower(collate(func.normalize(text), "und-x-icu"))
        return collate(func.normalize(lowered), "C")

    def contains(self, text: Expression, part: Expression) -> ColumnElement[bool]:
        """Whether `part` is in `text`."""
        return func.strpos(text, cast(part, Text)) > 0

    def ends(self, text: Expression, part: Expression) -> ColumnElement[bool]:
        """Whether `text` ends with `part`."""
        return func.right(text, func.length(cast(part, Text))) == part


JsonSql = SqliteJson | PostgresJson


def json_of(dialect: Dialect) -> JsonSql:
    """The JSON of a dialect."""
    return PostgresJson() if dialect.name == "postgresql" else SqliteJson()
