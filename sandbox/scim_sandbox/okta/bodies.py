"""Reading parts of a body that may be anything: what is not of the right kind is 400 E0000003, never a
crash.
"""

from __future__ import annotations

from typing import Any

from scim_sandbox.okta.problems import OktaProblem
from scim_sandbox.okta.records import JSON


def section(body: Any, *path: str) -> JSON:
    """The object at `path`; {} where it is absent or null on the way."""
    for name in ("", *path):
        body = body.get(name) if name else body
        if body is None:
            return {}
        if not isinstance(body, dict):
            raise OktaProblem("E0000003")
    return dict(body)


def items(body: Any, *path: str) -> list[Any]:
    """The list at `path`; [] where it is absent or null."""
    found = section(body, *path[:-1]).get(path[-1])
    if found is None:
        return []
    if not isinstance(found, list):
        raise OktaProblem("E0000003")
    return found


def word(body: Any, *path: str) -> str:
    """The string at `path`; "" where it is absent or null."""
    found = section(body, *path[:-1]).get(path[-1])
    if found is None:
        return ""
    if not isinstance(found, str):
        raise OktaProblem("E0000003")
    return found
