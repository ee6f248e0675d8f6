"""What an IP address stands for: the IPv4 address inside it, and whether it is one that is never called.

Called by urls, for the text of a URL, and by guard, for the peer of a connection. Pure. IPv6 has many ways to
write an IPv4 address into a longer one, and a gateway or the kernel unpacks it: an address is judged by each
address that it carries, not only by its own text.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator

from controller.urls import Address

METADATA_NETWORKS = tuple(
    ipaddress.ip_network(text)
    for text in (
        "100.100.100.200/32",  # Alibaba Cloud
        "168.63.129.16/32",  # Azure: its wire server, which hands out certificates and secrets
        "192.0.0.192/32",  # Oracle Cloud
        "fd00:ec2::/32",  # AWS: metadata, and the credentials of EKS pods
        "fd20:ce::254/128",  # Google Cloud
    )
)

_MASK = 0xFFFF_FFFF


def _bits(shift: int) -> Callable[[int], int]:
    return lambda value: value >> shift & _MASK


def _around_octet_8(value: int) -> int:
    """RFC 6052 section 2.2 for a prefix of 48 bits: bits 48 to 63 and 72 to 87, around an octet of zeros."""
    return (value >> 64 & 0xFFFF) << 16 | value >> 40 & 0xFFFF


# Network, and where the IPv4 address is in it.
_EMBEDDINGS: tuple[tuple[ipaddress.IPv6Network, Callable[[int], int]], ...] = tuple(
    (ipaddress.IPv6Network(network), extract)
    for network, extract in (
        ("::/96", _bits(0)),  # IPv4-compatible, RFC 4291 section 2.5.5.1
        ("::ffff:0:0/96", _bits(0)),  # IPv4-mapped, RFC 4291 section 2.5.5.2
        ("::ffff:0:0:0/96", _bits(0)),  # IPv4-translated, RFC 2765 section 2.1
        ("64:ff9b::/96", _bits(0)),  # NAT64, RFC 6052 section 2.1
        ("2002::/16", _bits(80)),  # 6to4, RFC 3056 section 2
        ("2001::/32", _bits(64)),  # Teredo, RFC 4380 section 4: the server
        ("2001::/32", lambda value: ~value & _MASK),  # and the client, each bit of it turned over
    )
)
_LOCAL_NAT64 = ipaddress.IPv6Network("64:ff9b:1::/48")
"""NAT64 of a local network, RFC 8215: its own prefix may have 48 bits or 96."""
_ISATAP = 0x5EFE
"""RFC 5214 section 6.1: the interface identifier is [02]00:5efe and the IPv4 address, under any prefix."""


def carried(address: Address) -> Iterator[Address]:
    """`address` itself, then every IPv4 address that it carries."""
    yield address
    if isinstance(address, ipaddress.IPv4Address):
        return
    value = int(address)
    for network, extract in _EMBEDDINGS:
        if address in network:
            yield ipaddress.IPv4Address(extract(value))
    if address in _LOCAL_NAT64:  # of the two readings one may be of nothing but zeros
        yield from (
            ipaddress.IPv4Address(found) for found in (value & _MASK, _around_octet_8(value)) if found
        )
    if value >> 32 & 0xFDFF_FFFF == _ISATAP:
        yield ipaddress.IPv4Address(value & _MASK)


def is_forbidden(address: Address) -> bool:
    """Whether `address`, or one that it carries, is link-local, unspecified or a cloud's metadata service."""
    if address == ipaddress.IPv6Address("::1"):
        return False  # as IPv4-compatible it would carry 0.0.0.1
    return any(_is_forbidden(each) for each in carried(address))


def _is_forbidden(address: Address) -> bool:
    return (
        address.is_link_local
        or address.is_unspecified
        or any(address in network for network in METADATA_NETWORKS)
    )


def is_loopback_address(address: Address) -> bool:
    """Whether `address` is this machine. An IPv4-mapped one is, since the kernel unpacks it itself."""
    mapped = getattr(address, "ipv4_mapped", None) or address
    return bool(mapped.is_loopback)
