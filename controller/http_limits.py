"""What one client may cost a server before it is known: connections, bytes of headers, seconds of waiting.

Used by http_server, which enforces it, and by whoever runs a server: the provider, the hook receiver, the
probes. nginx, Envoy and Go's net/http have the same limits under their own names.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerLimits:
    """Bounds of one server. Seconds are measured by the event loop's clock."""

    header_bytes: int = 32 << 10
    """Of the request line, the headers and the trailers of one request; more is answered 431."""
    header_count: int = 100
    header_seconds: float = 10.0
    """From the first byte of a request, or from the connection, to the end of its headers; then 408."""
    body_bytes: int = 16 << 20
    """Announced, or received after the headers with its framing; an application may refuse sooner: 413."""
    body_seconds: float = 30.0
    """From the end of the headers to the end of the body, while the server reads; then 408."""
    stalled_seconds: float = 30.0
    """In which a client takes nothing of an answer; then the connection is cut."""
    pipelined: int = 32
    """Requests sent ahead of the answer on one connection."""
    connections: int = 800
    """Open at a time. One more closes one that waits, or is answered 503."""
    connections_per_address: int = 200
    """As `connections`, of one IPv4 address or one IPv6 network of 64 bits; proxies are exempt."""
    proxies: tuple[Network, ...] = ()
    """Addresses behind which are many clients."""

    def is_proxy(self, address: str) -> bool:
        """Whether `address` is one of the proxies."""
        return bool(self.proxies) and within(address, self.proxies)


@lru_cache(4096)
def within(address: str, networks: tuple[Network, ...]) -> bool:
    """Whether `address` belongs to one of `networks`; an IPv4-mapped address counts as its IPv4 address."""
    try:
        parsed = ipaddress.ip_address(address.split("%", 1)[0])
    except ValueError:
        return False
    mapped = getattr(parsed, "ipv4_mapped", None) or parsed
    return any(mapped in network for network in networks)


def parse_networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """Addresses and networks such as 10.0.0.7 and 10.0.0.0/8; ValueError names the text that is neither."""
    try:
        return tuple(ipaddress.ip_network(text.strip(), strict=False) for text in texts if text.strip())
    except ValueError as error:
        raise ValueError(f"{error}; write addresses or networks, as in 10.0.0.0/8") from None


def client_key(address: str) -> str:
    """What connections are counted by: an IPv4 address, or the IPv6 network of 64 bits of one client."""
    try:
        parsed = ipaddress.IPv6Address(address.split("%", 1)[0])
    except ValueError:
        return address
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.IPv6Network((int(parsed) >> 64 << 64, 64)))
