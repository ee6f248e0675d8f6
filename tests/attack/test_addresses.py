"""Addresses that are never called, however they are written: in a URL, and as what a name resolves to."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator
from typing import Any

import httpcore
import pytest

from controller.transport.addresses import is_forbidden
from controller.transport.guard import GuardedBackend
from controller.transport.urls import UrlRefused, check_url

METADATA = ("169.254.169.254", "169.254.170.23", "100.100.100.200", "168.63.129.16", "192.0.0.192")
OWN_TEXT = (
    "0.0.0.0",
    "::ffff:0.0.0.0",
    "64:ff9b::",
    "fe80::1",
    "::",
    "fd00:ec2::254",
    "fd00:ec2::23",
    "fd20:ce::254",
)
HARMLESS = ("8.8.8.8", "10.0.0.1", "127.0.0.1")


def spelled(text: str) -> Iterator[str]:
    """`text`, an IPv4 address, in every IPv6 form that carries one."""
    value = int(ipaddress.IPv4Address(text))
    high, low = value >> 16, value & 0xFFFF
    turned = ~value & 0xFFFF_FFFF
    yield f"::{high:x}:{low:x}"
    yield f"::ffff:{high:x}:{low:x}"
    yield f"::ffff:0:{high:x}:{low:x}"
    yield f"64:ff9b::{high:x}:{low:x}"
    yield f"64:ff9b:1:fffe::{high:x}:{low:x}"
    yield f"64:ff9b:1:{high:x}:{low >> 8:x}:{(low & 0xFF) << 8:x}::"
    yield f"2002:{high:x}:{low:x}::1"
    yield f"2001:0:{high:x}:{low:x}:0:0:f7f7:f7f7"
    yield f"2001:0:4136:e378:8000:63bf:{turned >> 16:x}:{turned & 0xFFFF:x}"
    yield f"2001:db8:5:6:0:5efe:{high:x}:{low:x}"
    yield f"2001:db8:5:6:200:5efe:{high:x}:{low:x}"


FORBIDDEN = sorted({*METADATA, *OWN_TEXT, *(each for text in METADATA for each in spelled(text))})
ALLOWED = sorted(
    {*HARMLESS, "::1", "2606:4700::1111", *(each for text in HARMLESS for each in spelled(text))}
)


def url_of(address: str) -> str:
    return f"https://[{address}]/scim" if ":" in address else f"https://{address}/scim"


@pytest.mark.parametrize("address", FORBIDDEN)
def test_a_url_with_a_forbidden_address_in_any_form_is_refused(address: str) -> None:
    with pytest.raises(UrlRefused, match="link-local or metadata"):
        check_url(url_of(address))


@pytest.mark.parametrize("address", ALLOWED)
def test_other_addresses_in_the_same_forms_are_called(address: str) -> None:
    assert check_url(url_of(address)) == url_of(address)


class Stream(httpcore.AsyncNetworkStream):
    """A connection to a server at `address`, whatever name was asked for."""

    def __init__(self, address: str) -> None:
        self.address, self.closed, self.sent = address, False, b""

    def get_extra_info(self, info: str) -> Any:
        return (self.address, 443) if info == "server_addr" else None

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self.sent += buffer

    async def aclose(self) -> None:
        self.closed = True


class Resolver(httpcore.AsyncNetworkBackend):
    """Every name resolves to `address`."""

    def __init__(self, address: str) -> None:
        self.stream = Stream(address)

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        return self.stream


@pytest.mark.parametrize("address", FORBIDDEN)
async def test_a_name_that_resolves_to_a_forbidden_address_gets_no_byte(address: str) -> None:
    resolver = Resolver(address)
    with pytest.raises(httpcore.ConnectError):
        await GuardedBackend(resolver).connect_tcp("scim.example.com", 443)
    assert resolver.stream.closed and not resolver.stream.sent


@pytest.mark.parametrize("address", ALLOWED)
async def test_a_name_that_resolves_to_another_address_is_called(address: str) -> None:
    resolver = Resolver(address)
    assert await GuardedBackend(resolver).connect_tcp("scim.example.com", 443) is resolver.stream


def test_every_link_local_address_is_forbidden_and_loopback_is_not() -> None:
    for text in ("169.254.0.0", "169.254.255.255", "fe80::", "febf:ffff::1"):
        assert is_forbidden(ipaddress.ip_address(text))
    for text in ("127.0.0.1", "::1", "::ffff:127.0.0.1"):
        assert not is_forbidden(ipaddress.ip_address(text))


def test_plain_http_is_for_this_machine_only_not_for_what_carries_its_address() -> None:
    assert check_url("http://[::ffff:127.0.0.1]:8080") == "http://[::ffff:127.0.0.1]:8080"
    for address in ("64:ff9b::7f00:1", "2002:7f00:1::1", "::7f00:1"):
        with pytest.raises(UrlRefused, match="plain http"):
            check_url(f"http://[{address}]:8080")
