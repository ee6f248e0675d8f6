"""Whether two URLs are of one place: the one form in which URLs of tenants, orgs and hosts are compared.

Called by planning for conflicts and for the audience of Secrets, by the operator for locks and for the name
of a tenant's state, by transport for origins. Requests go to the URL as it was written; this form is for
comparing only. RFC 3986 section 6.2.2 and 6.2.3, UTS 46 for names of hosts. Pure.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from urllib.parse import quote, unquote

import idna

from controller.parsing import split_url

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
LOOPBACK = "127.0.0.1"
"""What localhost, 127.0.0.1 and ::1 are compared as: one machine under three names."""
_OWN_PORT = {"https": 443, "http": 80}
_SLASHES = re.compile("/{2,}")
_ENCODED = re.compile("%[0-9A-Fa-f]{2}")
_UNRESERVED = re.compile("[A-Za-z0-9._~-]")
_NUMERIC = re.compile("[0-9a-fx.]+")


def normal_url(url: str) -> str:
    """`url` as it is compared: scheme, host and path in normal form, the port if it is not the scheme's own,
    no trailing slash; nothing of userinfo, query and fragment, which no URL of a resource may have. What is
    no URL is compared as it is."""
    written = url.strip().rstrip("/")
    try:
        parts = split_url(written)
        host, port = normal_host(parts.hostname or ""), parts.port
    except ValueError:
        return written
    if not host:
        return written
    scheme = parts.scheme.lower()
    return f"{scheme}://{_authority(host, port, scheme)}{normal_path(parts.path)}"


def host_of_url(url: str) -> str:
    """The host of `url` as it is compared, without its port; "" if it has none."""
    try:
        return normal_host(split_url(url.strip()).hostname or "")
    except ValueError:
        return ""


def normal_authority(text: str, scheme: str) -> str:
    """`host[:port]` as it is compared, without the port that is the scheme's own; "" if it is none."""
    host = f"[{text}]" if text.count(":") > 1 and not text.startswith("[") else text
    try:
        parts = split_url(f"{scheme}://{host.strip()}")
        port = parts.port
    except ValueError:
        return ""
    is_bare = parts.netloc == host.strip() and "@" not in host
    return _authority(normal_host(parts.hostname or ""), port, scheme) if is_bare else ""


def _authority(host: str, port: int | None, scheme: str) -> str:
    shown = f"[{host}]" if ":" in host else host
    return shown if port in (None, _OWN_PORT.get(scheme)) else f"{shown}:{port}"


def normal_host(host: str) -> str:
    """A host's name in lower case and in ASCII, or its address in the shortest form, without brackets."""
    name = unquote(host).strip("[]").rstrip(".").lower()
    if not name.isascii():
        try:
            name = idna.encode(name, uts46=True).decode()
        except idna.IDNAError:
            return name
    address = parse_address(name)
    mapped = getattr(address, "ipv4_mapped", None) or address
    if name == "localhost" or str(mapped) in (LOOPBACK, "::1"):
        return LOOPBACK
    return name if mapped is None else str(mapped)


def parse_address(host: str) -> Address | None:
    """The address that `host` spells, in any form that a resolver takes (0x7f.1, 2130706433); or None."""
    try:
        return ipaddress.ip_address(host.split("%", 1)[0])
    except ValueError:
        pass
    try:
        return ipaddress.ip_address(socket.inet_aton(host)) if _NUMERIC.fullmatch(host.lower()) else None
    except (OSError, ValueError):
        return None


def normal_path(path: str) -> str:
    """A path without empty and dot segments and without a trailing slash; percent-encoded only where it has
    to be, with upper-case digits."""
    plain = _ENCODED.sub(_decoded, quote(path, safe="/%:@!$&'()*+,;=~"))
    kept: list[str] = []
    for segment in _SLASHES.sub("/", plain).strip("/").split("/"):
        if segment == "..":
            del kept[-1:]
        elif segment not in ("", "."):
            kept.append(segment)
    return "".join(f"/{segment}" for segment in kept)


def _decoded(found: re.Match[str]) -> str:
    letter = chr(int(found[0][1:], 16))
    return letter if _UNRESERVED.fullmatch(letter) else found[0].upper()
