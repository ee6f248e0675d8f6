"""A call and its answer as the routes see them: parsed, checked, free of ASGI.

Made by app; every route is a plain function of (org, call) that answers an Answer or raises OktaProblem, so
that it happens at one point in time and nothing comes between.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from scim_sandbox.okta.paging import encode_cursor
from scim_sandbox.okta.problems import OktaProblem
from scim_sandbox.okta.records import JSON, Principal
from scim_sandbox.okta.store import Org


@dataclass(slots=True)
class Call:
    """One request. `base` is scheme and host as the client wrote them; `raw` the body."""

    method: str
    path: str
    base: str
    query: dict[str, str]
    headers: dict[str, str]
    raw: bytes = b""
    names: dict[str, str] = field(default_factory=dict)
    principal: Principal | None = None
    scopes: frozenset[str] | None = None

    def json(self) -> Any:
        """The body; 400 E0000003 where it is not JSON."""
        try:
            return json.loads(self.raw)
        except (ValueError, RecursionError):
            raise OktaProblem("E0000003") from None

    def json_object(self, *, optional: bool = False) -> JSON:
        """The body as an object; {} where it may be absent and is."""
        if optional and not self.raw:
            return {}
        body = self.json()
        if not isinstance(body, dict):
            raise OktaProblem("E0000003")
        return body

    def flag(self, name: str, default: bool = False) -> bool:
        """A query parameter that is true or false."""
        return self.query.get(name, str(default)).lower() == "true"

    def link(self, relation: str, **changes: str) -> str:
        """A Link header value for this very call with `changes` of its query."""
        query = {**self.query, **changes}
        suffix = "?" + urlencode(query) if query else ""
        return f'<{self.base}{self.path}{suffix}>; rel="{relation}"'


@dataclass(slots=True)
class Answer:
    """What goes back. `body` None means no content; `encoded` is a body that is JSON already."""

    body: Any = None
    status: int = 200
    headers: list[tuple[str, str]] = field(default_factory=list)
    encoded: bytes | None = None
    is_foreign: bool = False
    """Whether something in front of Okta answers, which gives no request id."""

    def content(self) -> bytes:
        if self.encoded is not None:
            return self.encoded
        return b"" if self.body is None else json.dumps(self.body, separators=(",", ":")).encode()


def page(call: Call, items: Iterable[Any] | bytes, cursor: str) -> Answer:
    """A listing with its links, each in a header line of its own; `cursor` "" means the last page.

    `items` may be JSON already.
    """
    headers = [("link", call.link("self"))]
    if cursor:
        headers.append(("link", call.link("next", after=encode_cursor(cursor))))
    if isinstance(items, bytes):
        return Answer(headers=headers, encoded=items)
    return Answer(list(items), headers=headers)


Handler = Callable[[Org, Call], Answer | Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class Route:
    """`template` as in the OpenAPI document; `scope` is the OAuth scope that a call needs, "" for none."""

    method: str
    template: str
    scope: str
    handler: Handler
