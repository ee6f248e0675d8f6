"""A search as it was asked for, read and checked before any row is touched.

Called by scim, which has search run it; paging builds its statements from it. RFC 7644 section 3.4.2.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple

from pydantic import ValidationError
from scim2_models import InvalidValueException
from scim2_server.service import scim_exception_of
from sqlalchemy import ColumnElement, Table

from controller.provider.casefold import fold
from controller.provider.documents import JsonObject, Projection
from controller.provider.entra import plain_filter
from controller.provider.filters import SearchTarget, check_size, where
from controller.provider.models import AnySearch
from controller.provider.organizations import Organization
from controller.provider.protocol import DEFAULT_PAGE_SIZE, Protocol
from controller.provider.statements import Unit
from controller.provider.tables import groups, people

CORE = "urn:ietf:params:scim:schemas:core:2.0:"
Clause = ColumnElement[bool]
_EQUALITY = re.compile(
    r'\s*(userName|externalId|id|displayName|emails(?:\.value)?)\s+eq\s+"([^"\\\x00-\x1f]*)"\s*',
    re.IGNORECASE,
)
# What one is looked up by, in lower case; search has a statement for each.
KEYS = {
    "User": ("username", "externalid", "id", "displayname", "emails"),
    "Group": ("displayname", "externalid", "id"),
}
EXACT = ("id", "externalid")


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
    parameters: JsonObject
    base_url: str


@dataclass(slots=True)
class Page:
    """What was found. `total` counts every match."""

    total: int
    rows: list[Found]
    start: int | None = 1
    next: str | None = None
    previous: str | None = None


def table_of(kind: str) -> Table:
    """people or groups."""
    return people if kind == "User" else groups


class Plan:
    """A search that has been read: which way to find the rows, how to page, what to show."""

    def __init__(self, search: Search, protocol: Protocol, secret: str, now_seconds: float) -> None:
        self.search, self.protocol = search, protocol
        self.secret, self.now_seconds = secret, now_seconds
        self.parameters = {name.lower(): value for name, value in search.parameters.items()}
        text = self.parameters.get("filter")
        if protocol.shape.entra and "User" in search.kinds and isinstance(text, str):
            self.parameters["filter"] = plain_filter(text)
        self.projection = Projection(
            CORE + ("User" if search.kinds == ("User",) else "Group"),
            _joined("attributes", self.parameters.get("attributes")),
            _joined("excludedAttributes", self.parameters.get("excludedattributes")),
        )
        if self.projection.wanted and self.projection.unwanted:
            raise InvalidValueException(detail="attributes and excludedAttributes exclude each other")
        self.quick = self._read_quick()
        self._whole = None if self.quick else self._read_whole()

    @property
    def request(self) -> AnySearch:
        """The search as scim2-models reads it; only those that are not quick have one."""
        assert self._whole is not None
        return self._whole

    def _read_quick(self) -> tuple[str | None, str, int, int] | None:
        """(attribute, value, start, count) of the plain searches; None for every other one."""
        given = self.parameters.keys() - {"attributes", "excludedattributes"}
        if len(self.search.kinds) != 1 or given - {"filter", "startindex", "count"}:
            return None
        try:
            start = max(1, _whole_number(self.parameters.get("startindex", 1)))
            count = self._bounded(self.parameters.get("count"))
        except (TypeError, ValueError, OverflowError):
            return None
        text = self.parameters.get("filter")
        if text is None:
            return None, "", start, count
        match = _EQUALITY.fullmatch(text) if isinstance(text, str) and len(text) <= 1000 else None
        if match is None:
            return None
        name = match.group(1).lower().removesuffix(".value")
        if name not in KEYS[self.search.kinds[0]]:
            return None
        return name, match.group(2) if name in EXACT else fold(match.group(2)), start, count

    def _bounded(self, count: object) -> int:
        largest = self.protocol.shape.max_page_size
        if count is None:
            return min(DEFAULT_PAGE_SIZE, largest)
        return max(0, min(_whole_number(count), largest))

    def _read_whole(self) -> AnySearch:
        """The request as scim2-models reads it, checked against the models. Raises the SCIM error."""
        known = {
            name: value
            for name, value in self.parameters.items()
            if name in ("filter", "sortby", "sortorder", "startindex", "count", "cursor")
        }
        check_size(str(self.parameters.get("filter", "")))
        models = {"User": self.protocol.user_search, "Group": self.protocol.group_search}
        parametrized = models[self.search.kinds[0]]
        if len(self.search.kinds) > 1:
            parametrized = self.protocol.any_search
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

    def clause(self, kind: str, unit: Unit, org: Organization) -> list[Clause]:
        """The conditions on the rows of `kind`."""
        table = table_of(kind)
        clauses: list[Clause] = [table.c.org_id == org.id]
        if self.request.filter is not None:
            model = self.protocol.user if kind == "User" else self.protocol.group
            typed = (self.protocol.user_filter if kind == "User" else self.protocol.group_filter)(
                str(self.request.filter)
            )
            target = SearchTarget(kind, model, self.search.base_url, org.id)
            clauses.append(
                where(typed.ast, typed, target, unit.dialect, is_strict=len(self.search.kinds) == 1)
            )
        return clauses


def _whole_number(value: object) -> int:
    """`value` as a parameter of a URL or a member of a body gives it. Raises ValueError and TypeError."""
    if not isinstance(value, str | int | float):
        raise TypeError(type(value).__name__)
    return int(value)


def _joined(name: str, value: object) -> str | None:
    """attributes as one text; a .search body gives a list. Raises invalidValue for anything else."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return ",".join(value)
    raise InvalidValueException(detail=f"{name} must be a list of names of attributes")
