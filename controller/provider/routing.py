"""Which entry of a table of routes a request means: the tables of the admin API and of the console.

Pure. A pattern is a path without its first slash; `{...}` in it stands for any one segment.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

T = TypeVar("T")


class NoRoute(Exception):
    """No entry fits. `allowed` are the methods that the path does have, none where there is no such path."""

    def __init__(self, allowed: list[str]) -> None:
        self.allowed = allowed
        super().__init__(", ".join(allowed))


def find_route(
    table: Mapping[tuple[str, str], T], method: str, path: tuple[str, ...]
) -> tuple[T, tuple[str, ...]]:
    """The entry for `method` and `path`, and the segments that `{...}` stood for; raises NoRoute."""
    allowed = []
    for (route_method, pattern), entry in table.items():
        identifiers = _fit(pattern.split("/"), path)
        if identifiers is None:
            continue
        if route_method == method:
            return entry, identifiers
        allowed.append(route_method)
    raise NoRoute(sorted(allowed))


def _fit(parts: list[str], path: tuple[str, ...]) -> tuple[str, ...] | None:
    """The segments of `path` that stand for `{...}`, or None where it does not fit."""
    if len(parts) != len(path):
        return None
    pairs = list(zip(parts, path, strict=True))
    if any(part != each for part, each in pairs if not part.startswith("{")):
        return None
    return tuple(each for part, each in pairs if part.startswith("{"))
