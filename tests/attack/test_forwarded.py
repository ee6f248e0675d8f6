"""X-Forwarded-For and X-Forwarded-Proto: believed from configured proxies only."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from controller.cli.serve import proxies
from controller.clock import ManualClock
from controller.errors import SpecError
from controller.http_limits import ServerLimits, parse_networks
from controller.provider.app import add_organization, build_app
from controller.provider.organizations import NewOrganization

PROXIES = parse_networks(["10.0.0.0/8", "fd00::/8"])


@asynccontextmanager
async def asked_by(path: Path, peer: str, proxies: bool = True) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a provider, connected from `peer`."""
    limits = ServerLimits(proxies=PROXIES if proxies else ())
    provider = build_app(f"sqlite:///{path}/p.sqlite", ManualClock(), limits=limits)
    transport = httpx.ASGITransport(provider, client=(peer, 1234))
    async with httpx.AsyncClient(transport=transport, base_url="http://provider.test") as client:
        yield client
    await provider.close()


async def seen(client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture, *forwarded: str) -> str:
    """The address that a wrong token is logged with."""
    caplog.clear()
    headers = [("authorization", "Bearer wrong"), *(("x-forwarded-for", each) for each in forwarded)]
    with caplog.at_level(logging.WARNING):
        await client.get("/scim/v2/acme/Users", headers=headers)
    return str(getattr(caplog.records[-1], "facts")["address"])  # noqa: B009


@pytest.mark.parametrize("peer", ["127.0.0.1", "::1", "192.0.2.1", "9.9.9.9"])
async def test_a_stranger_s_header_changes_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, peer: str
) -> None:
    async with asked_by(tmp_path, peer) as client:
        assert await seen(client, caplog, "203.0.113.9") == peer
    async with asked_by(tmp_path, "10.0.0.1", proxies=False) as client:
        assert await seen(client, caplog, "203.0.113.9") == "10.0.0.1"


@pytest.mark.parametrize(
    ("forwarded", "address"),
    [
        (("203.0.113.9",), "203.0.113.9"),
        (("6.6.6.6, 203.0.113.9",), "203.0.113.9"),
        (("6.6.6.6", "203.0.113.9, 10.1.2.3"), "203.0.113.9"),
        (("203.0.113.9, 10.1.2.3, fd00::7",), "203.0.113.9"),
        (("[2001:db8::7]:443",), "2001:db8::7"),
        (("203.0.113.9:5555",), "203.0.113.9"),
        (("6.6.6.6, <script>alert(1)</script>",), "10.0.0.1"),
        (("6.6.6.6, unknown",), "10.0.0.1"),
        (("",), "10.0.0.1"),
        ((), "10.0.0.1"),
    ],
)
async def test_from_a_proxy_the_last_address_that_is_no_proxy_counts(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, forwarded: tuple[str, ...], address: str
) -> None:
    async with asked_by(tmp_path, "10.0.0.1") as client:
        assert await seen(client, caplog, *forwarded) == address


async def test_the_scheme_is_believed_from_a_proxy_only(tmp_path: Path) -> None:
    headers = {"x-forwarded-proto": "https", "authorization": "Bearer x"}
    for peer, scheme in (("10.0.0.1", "https"), ("127.0.0.1", "http")):
        async with asked_by(tmp_path, peer) as client:
            provider = client._transport.app  # type: ignore[attr-defined]
            org = add_organization(provider.database, NewOrganization(f"org {peer}"), ManualClock())
            headers["authorization"] = f"Bearer {org.admin_token}"
            answer = await client.get(f"{org.admin_path}/organization", headers=headers)
            assert answer.json()["scimBaseUrl"].startswith(f"{scheme}://")


def test_networks_that_cannot_be_are_refused_by_option() -> None:
    with pytest.raises(SpecError, match=r"--trusted-proxies: '\*' .* as in 10\.0\.0\.0/8"):
        proxies("10.0.0.0/8,*")
