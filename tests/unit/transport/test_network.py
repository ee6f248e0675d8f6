"""Sessions on real sockets: TLS with a private authority, proxies of the environment, timeouts."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from controller.errors import SpecError, Unavailable
from controller.transport.calls import Call
from controller.transport.retry import NO_RETRY
from controller.transport.session import Remote, Session, Wiring

GET = Call("GET", "/x", "/x")


class Reply(asyncio.Protocol):
    """Answers a request by `reply` and closes; without one it says nothing. `asked` keeps the first lines."""

    def __init__(self, reply: bytes, asked: list[bytes] | None = None) -> None:
        self.reply, self.asked, self.heard = reply, asked, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.heard += data
        is_tls = self.heard.startswith(b"\x16")
        if self.reply and (is_tls or b"\r\n\r\n" in self.heard):
            if self.asked is not None:
                self.asked.append(self.heard.split(b"\r\n")[0])
            self.transport.write(self.reply)
            self.transport.close()


@asynccontextmanager
async def listening(
    reply: bytes, context: ssl.SSLContext | None = None, asked: list[bytes] | None = None
) -> AsyncIterator[int]:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Reply(reply, asked), "127.0.0.1", 0, ssl=context)
    async with server:
        yield server.sockets[0].getsockname()[1]


@asynccontextmanager
async def opened(url: str, **more: object) -> AsyncIterator[Session]:
    session = Session(Remote(url, "okta", "Okta", **more), Wiring(retry=NO_RETRY))  # type: ignore[arg-type]
    try:
        yield session
    finally:
        await session.aclose()


OK = b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 4\r\n\r\ntrue"
CUT = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n[1"
REFUSED = b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n"


@pytest.fixture
def authority(tmp_path: Path) -> tuple[str, ssl.SSLContext]:
    """(PEM of a certificate that signs itself, for 127.0.0.1; a server's context with it)."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    built = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(1).not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    pem = built.public_bytes(serialization.Encoding.PEM)
    forms = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    (tmp_path / "both.pem").write_bytes(pem + key.private_bytes(serialization.Encoding.PEM, *forms))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "both.pem")
    return pem.decode(), context


async def test_a_private_authority_is_trusted_where_it_is_given(
    authority: tuple[str, ssl.SSLContext],
) -> None:
    pem, context = authority
    async with (
        listening(OK, context) as port,
        opened(f"https://127.0.0.1:{port}", ca_bundle=pem) as one,
    ):
        assert (await one.send(GET)).body is True


async def test_an_unknown_authority_is_told_with_the_remedy(authority: tuple[str, ssl.SSLContext]) -> None:
    async with listening(OK, authority[1]) as port, opened(f"https://127.0.0.1:{port}") as one:
        with pytest.raises(Unavailable, match=r"not trusted.*caBundleRef") as caught:
            await one.send(GET)
    assert caught.value.reason == "TLSFailed"


async def test_a_server_that_speaks_no_tls_is_told() -> None:
    async with listening(OK) as port, opened(f"https://127.0.0.1:{port}") as one:
        with pytest.raises(Unavailable) as caught:
            await one.send(GET)
    assert caught.value.reason in ("TLSFailed", "ConnectionClosed", "Unreachable")


def test_a_bundle_that_is_none_is_a_spec_error() -> None:
    with pytest.raises(SpecError, match="caBundleRef"):
        Session(Remote("https://127.0.0.1", "okta", "Okta", ca_bundle="-----BEGIN CERTIFICATE-----\nAAAA\n"))


async def test_a_name_that_does_not_resolve_is_told() -> None:
    async with opened("https://no-such-host.invalid") as one:
        with pytest.raises(Unavailable) as caught:
            await one.send(GET)
    assert caught.value.reason == "HostNotFound"


async def test_a_server_that_never_answers_is_given_up() -> None:
    async with listening(b"") as port, opened(f"http://127.0.0.1:{port}", timeout_seconds=0.05) as one:
        with pytest.raises(Unavailable) as caught:
            await one.send(GET)
    assert caught.value.reason == "Timeout"


async def test_a_connection_that_breaks_off_is_told() -> None:
    async with listening(CUT) as port, opened(f"http://127.0.0.1:{port}") as one:
        with pytest.raises(Unavailable) as caught:
            await one.send(GET)
    assert caught.value.reason == "ConnectionClosed"


async def test_a_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bytes] = []
    async with listening(REFUSED, asked=asked) as port:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{port}")
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        async with opened("https://acme.okta-gov.com") as one:
            with pytest.raises(Unavailable) as caught:
                await one.send(GET)
    assert asked == [b"CONNECT acme.okta-gov.com:443 HTTP/1.1"] and caught.value.reason == "ProxyFailed"


async def test_hosts_of_no_proxy_are_called_directly(
    monkeypatch: pytest.MonkeyPatch, authority: tuple[str, ssl.SSLContext]
) -> None:
    (pem, context), asked = authority, list[bytes]()
    async with listening(REFUSED, asked=asked) as elsewhere, listening(OK, context) as port:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{elsewhere}")
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        async with opened(f"https://127.0.0.1:{port}", ca_bundle=pem) as one:
            assert (await one.send(GET)).body is True
    assert asked == []
