"""Requests made by chance, from seeds: raw bytes, paths, queries, headers and bodies; never a 500.

Bounded, and the same at every run; FUZZ_SEEDS=N tries others.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
from pathlib import Path
from typing import Any

import pytest

from controller.clock import SystemClock
from controller.provider.app import CreatedOrganization, Provider, add_organization, build_app
from controller.provider.organizations import NewOrganization
from tests.attack.raw_http import Raw, connect, limited

SEEDS = range(int(os.environ.get("FUZZ_SEEDS", "6")))
REQUESTS = 150
METHODS = (
    "GET",
    "POST",
    "PUT",
    "PATCH",
    "DELETE",
    "HEAD",
    "OPTIONS",
    "TRACE",
    "get",
    "PROPFIND",
    "QUERY",
    "",
)
PIECES = (
    "scim", "v2", "admin", "v1", "console", "acme", "Users", "Groups", "Schemas", "ResourceTypes",
    "Bulk", "Me",
    ".search", "ServiceProviderConfig", "organization", "tokens", "group-mapping", "people",
    "groups", "billing",
    "seats", "journal", "sign-in", "sign-out", "single-sign-on", "map-to-groups", "assets", "console.css",
    "healthz", "readyz", "openapi.json", "act", "rename", "delete", "export", "revoke",
)  # fmt: skip
ODD = (
    "%0d%0aX: y", "€", "%E2%82%AC", "%00", "%ff", "%", "%zz", "..", "%2e%2e%2f", "//", ";", "\t",
    "\x7f", "é", "",
    "%F0%9F%98%80", "a" * 300, "'", '"', "<b>", "{id}", "-1", "99999999999999999999", "null", "0",
    "\ud7ff",
)  # fmt: skip
NAMES = (
    "filter", "sortBy", "sortOrder", "startIndex", "count", "cursor", "attributes",
    "excludedAttributes", "query",
    "status", "group", "after", "before", "limit", "format", "preview", "organization", "done", "FILTER",
)  # fmt: skip
VALUES = (
    "schemas", "userName", "meta", "emails", "emails.value", "urn:x", "-1", "0", "1", "²", "1e9",
    "ascending", "true",
    'userName eq "a"', 'emails[type eq "work"]', 'title pr and not (active eq true)',
    'meta.created gt "x"',
    '(' * 40, 'userName co "' + "x" * 2000, "schemas eq \"x\"", "jsonl", "active", "nonsense",
    "groups.value pr",
)  # fmt: skip
SCALARS = ("x", "", 0, -1, 2**70, 1.5, True, None, [], {}, ["x"], {"x": 1}, "\u0000", "😀", "x" * 600)
KEYS = (
    "schemas", "userName", "active", "emails", "name", "Operations", "op", "path", "value",
    "displayName", "members",
    "id", "meta", "scopes", "expiresIn", "entries", "purchased", "groups", "plan", "overrides",
    "profile", "filter",
)  # fmt: skip
HEADERS = (
    "content-type", "accept", "if-match", "if-none-match", "x-request-id", "cookie", "origin",
    "host", "expect",
    "x-forwarded-for", "accept-encoding", "content-encoding", "transfer-encoding", "range",
    "authorization",
)  # fmt: skip
HEADER_VALUES = (
    "application/json", "application/scim+json", "text/html", "*", 'W/"1"', '"', "gzip", "chunked",
    "100-continue",
    "bytes=0-", "Bearer x", "Basic !", "provider_session=x; a=\"", "null", "\x80\xff", "a" * 500,
    "", "http://[",
)  # fmt: skip


def some_body(chance: random.Random, depth: int = 0) -> Any:
    kind = chance.random()
    if depth > 4 or kind < 0.45:
        return chance.choice(SCALARS)
    if kind < 0.6:
        return [some_body(chance, depth + 1) for _ in range(chance.randrange(4))]
    return {chance.choice(KEYS): some_body(chance, depth + 1) for _ in range(chance.randrange(1, 5))}


def some_target(chance: random.Random, org: CreatedOrganization) -> str:
    """A path and a query, half of them below a door that the token opens."""
    parts = [chance.choice(ODD if chance.random() < 0.25 else PIECES) for _ in range(chance.randrange(1, 4))]
    base = chance.choice(
        (org.scim_path, org.admin_path, org.console_path, "", "/scim/v2", "/admin/v1", "/console")
    )
    pairs = [f"{chance.choice(NAMES)}={chance.choice((*VALUES, *ODD))}" for _ in range(chance.randrange(4))]
    query = "&".join(pairs).replace(" ", chance.choice(("%20", "+")))
    return base + "/" + "/".join(parts) + ("?" + query if pairs else "")


def some_request(chance: random.Random, org: CreatedOrganization) -> bytes:
    """A request whose framing is right, so that what is wrong reaches the provider."""
    body = b""
    if chance.random() < 0.6:
        body = json.dumps(some_body(chance)).encode("utf-8", "surrogatepass")
        if chance.random() < 0.1:
            body = chance.randbytes(chance.randrange(200))
    token = chance.choice((org.scim_token, org.admin_token, "wrong"))
    lines = [
        f"{chance.choice(METHODS)} {some_target(chance, org)} HTTP/1.1",
        "host: x",
        f"authorization: Bearer {token}",
        f"content-length: {len(body)}",
        "content-type: application/scim+json" if chance.random() < 0.5 else "content-type: application/json",
    ]
    for _ in range(chance.randrange(3)):
        lines.append(f"{chance.choice(HEADERS)}: {chance.choice(HEADER_VALUES)}")
    return "\r\n".join(lines).encode("utf-8", "surrogatepass") + b"\r\n\r\n" + body


def some_bytes(chance: random.Random, org: CreatedOrganization) -> bytes:
    """A request with some of its bytes changed, left out or doubled; or nothing but chance."""
    if chance.random() < 0.2:
        return chance.randbytes(chance.randrange(1, 400))
    raw = bytearray(some_request(chance, org))
    for _ in range(chance.randrange(1, 8)):
        at = chance.randrange(len(raw))
        how = chance.randrange(3)
        if how == 0:
            raw[at] = chance.randrange(256)
        elif how == 1:
            del raw[at : at + chance.randrange(1, 6)]
        else:
            raw[at:at] = raw[at : at + chance.randrange(1, 60)]
        if not raw:
            break
    return bytes(raw)


async def answer_to(port: int, raw: bytes) -> int:
    """The status of the first answer; 0 where the server closes, or waits for more."""
    client: Raw = await connect(port)
    await client.send(raw)
    if client.writer.can_write_eof():
        client.writer.write_eof()
    try:
        head = await asyncio.wait_for(client.reader.readuntil(b"\r\n"), 5)
    except (TimeoutError, ConnectionError, asyncio.IncompleteReadError):
        return 0
    finally:
        client.close()
    return int(head.split(b" ", 2)[1])


async def attacked(provider: Provider, make: Any, chance: random.Random) -> dict[int, bytes]:
    """An example of a request for each status that came."""
    org = add_organization(provider.database, NewOrganization("acme"), SystemClock())
    found: dict[int, bytes] = {}
    async with limited(provider, provider.limits) as (port, _):
        for _ in range(REQUESTS):
            raw = make(chance, org)
            found.setdefault(await answer_to(port, raw), raw)
        assert await answer_to(port, b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n") == 200
    return found


@pytest.mark.parametrize("make", [some_request, some_bytes])
@pytest.mark.parametrize("seed", SEEDS)
async def test_chance_finds_no_500(
    seed: int, make: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    provider = build_app(f"sqlite:///{tmp_path}/p.sqlite")
    found = await attacked(provider, make, random.Random(seed))
    await provider.close()
    assert not {status: raw for status, raw in found.items() if status >= 500 and status != 501}
    assert len(found) > 3
    assert not [record for record in caplog.records if record.exc_info or record.levelname == "ERROR"]
