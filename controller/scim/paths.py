"""SCIM attribute paths: read a value from a user, put one into a user, name it in a PATCH.

Used by targets.provider_people. A path is compiled once and read for every person, so reading is a closure
over plain dictionary lookups. Names are found in their canonical spelling first, then without regard to case
(RFC 7643 section 2.1). Pure. Forms: `displayName`, `name.givenName`, `emails[primary]`,
`phoneNumbers[type eq "work"].value`, `urn:...:User:group`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from controller.names import fold

Json = dict[str, Any]
Scalar = str | int | float | bool | None
Read = Callable[[Json], Scalar]

_FORM = re.compile(
    r"""^(?:(?P<urn>urn:[A-Za-z0-9:._-]+):)?
        (?P<name>[A-Za-z$][A-Za-z0-9_$-]*)
        (?:\[(?P<primary>primary)\]|\[(?P<key>[A-Za-z]+)\ eq\ "(?P<value>[^"\]]*)"\])?
        (?:\.(?P<sub>[A-Za-z$][A-Za-z0-9_$-]*))?$""",
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Path:
    """A compiled path; see `parse_path`."""

    text: str
    urn: str
    name: str
    selector: tuple[str, Scalar] | None
    """(sub-attribute, value) that an element must have; None for what is not multi-valued."""
    sub: str

    @property
    def top(self) -> str:
        """The key of the user that holds the value: the extension's URN, or the attribute."""
        return self.urn or self.name

    @property
    def is_simple(self) -> bool:
        """Whether the attribute is a value by itself, so that writing it can overwrite nothing else."""
        return not (self.urn or self.selector or self.sub)

    def reader(self) -> Read:
        """A function from a user to the value; None where there is none."""
        urn, name, sub = self.urn, self.name, self.sub
        if self.selector is not None:
            return lambda user: _of(self._element(_holder(user, urn).get(name)), sub)
        if sub:
            return lambda user: _of(_get(_holder(user, urn), name), sub)
        return lambda user: _scalar(_get(_holder(user, urn), name))

    def put(self, user: Json, value: Scalar) -> None:
        """Sets the value in `user`, or takes it away where `value` is None; leaves everything else as it
        is."""
        holder = _opened(user, self.urn) if self.urn else user
        key = _spelled(holder, self.name)
        if self.selector is not None:
            self._put_element(holder, key, value)
        elif self.sub:
            inner = _opened(holder, key)
            _set(inner, _spelled(inner, self.sub), value)
        else:
            _set(holder, key, value)

    def operation(self, before: Scalar, after: Scalar) -> Json:
        """The PATCH operation with a path that brings `before` to `after` (RFC 7644 section 3.5.2)."""
        if after is None:
            return {"op": "remove", "path": self._address(whole_element=True)}
        if self.selector is not None and before is None:
            return {"op": "add", "path": self._prefixed(self.name), "value": [self._new_element(after)]}
        return {"op": "replace", "path": self._address(), "value": after}

    def _address(self, *, whole_element: bool = False) -> str:
        if self.selector is None:
            return self._prefixed(self.name + (f".{self.sub}" if self.sub else ""))
        key, value = self.selector
        wanted = "true" if value is True else f'"{value}"'
        tail = "" if whole_element else f".{self.sub}"
        return self._prefixed(f"{self.name}[{key} eq {wanted}]{tail}")

    def _prefixed(self, rest: str) -> str:
        return f"{self.urn}:{rest}" if self.urn else rest

    def _element(self, rows: object) -> Json | None:
        """The element meant; for the primary one, the only or the first work one where none is marked."""
        elements = [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
        assert self.selector is not None
        key, value = self.selector
        for row in elements:
            if _get(row, key) == value:
                return row
        if key != "primary":
            return None
        if len(elements) == 1:
            return elements[0]
        return next((row for row in elements if row.get("type") == "work"), None)

    def _put_element(self, holder: Json, key: str, value: Scalar) -> None:
        rows = holder.get(key)
        rows = list(rows) if isinstance(rows, list) else []
        element = self._element(rows)
        if value is None:
            rows = [row for row in rows if row is not element]
        elif element is None:
            rows.append(self._new_element(value))
        else:
            rows = [{**row, self.sub: value} if row is element else row for row in rows]
        _set(holder, key, rows or None)

    def _new_element(self, value: Scalar) -> Json:
        assert self.selector is not None
        key, wanted = self.selector
        return {self.sub: value, **({"type": "work", "primary": True} if key == "primary" else {key: wanted})}


def parse_path(text: str) -> Path:
    """The compiled path. Raises ValueError that names the form."""
    found = _FORM.match(text)
    if found is None:
        raise ValueError(
            f"{text!r} is no SCIM path; write attribute, attribute.sub, emails[primary] or URN:attribute"
        )
    selector: tuple[str, Scalar] | None = None
    if found["primary"]:
        selector = ("primary", True)
    elif found["key"]:
        selector = (found["key"], found["value"])
    sub = found["sub"] or ("value" if selector else "")
    return Path(text, found["urn"] or "", found["name"], selector, sub)


def _holder(user: Json, urn: str) -> Json:
    if not urn:
        return user
    held = _get(user, urn)
    return held if isinstance(held, dict) else {}


def _get(holder: Json, name: str) -> Any:
    if name in holder:
        return holder[name]
    folded = fold(name)
    return next((value for key, value in holder.items() if fold(key) == folded), None)


def _spelled(holder: Json, name: str) -> str:
    """`name` as `holder` spells it, so that no second spelling is added."""
    folded = fold(name)
    return next((key for key in holder if fold(key) == folded), name)


def _opened(holder: Json, name: str) -> Json:
    """A copy of the object under `name`, put in its place: what was read before is not changed."""
    key = _spelled(holder, name)
    inner = holder.get(key)
    holder[key] = dict(inner) if isinstance(inner, dict) else {}
    return holder[key]  # type: ignore[no-any-return]


def _set(holder: Json, key: str, value: Any) -> None:
    if value is None:
        holder.pop(key, None)
    else:
        holder[key] = value


def _of(element: object, sub: str) -> Scalar:
    return _scalar(_get(element, sub)) if isinstance(element, dict) else None


def _scalar(value: object) -> Scalar:
    return value if isinstance(value, str | int | float | bool) else None
