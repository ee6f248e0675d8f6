"""Who asks, behind proxies: the address and the scheme that a proxy has noted, if it is one of ours.

Called by provider.http. Anybody may send X-Forwarded-For; only what a configured proxy appended is
believed, so that nobody slows another address down with wrong tokens, or writes an address of their choice
into the log.
"""

from __future__ import annotations

import ipaddress

from starlette.types import Scope

from controller.http_limits import ServerLimits


def believed(scope: Scope, address: str, limits: ServerLimits) -> tuple[str, str]:
    """(address, scheme) of the client of a request that `address` sent."""
    scheme = str(scope.get("scheme", "http"))
    if not limits.is_proxy(address):
        return address, scheme
    noted = _values(scope, b"x-forwarded-proto")
    if noted and noted[-1].lower() in ("http", "https"):
        scheme = noted[-1].lower()
    for hop in reversed(_values(scope, b"x-forwarded-for")):
        parsed = _address_of(hop)
        if parsed is None:
            break
        address = parsed
        if not limits.is_proxy(address):
            break
    return address, scheme


def _values(scope: Scope, name: bytes) -> list[str]:
    """The items of every header line of that name, in order."""
    lines = [value for key, value in scope["headers"] if key == name]
    return [item.strip() for item in b",".join(lines).decode("latin-1").split(",") if item.strip()]


def _address_of(hop: str) -> str | None:
    """The address in a hop, which may have a port (10.0.0.7:80, [2001:db8::1]:80); None for another text."""
    text = hop.partition("]")[0].removeprefix("[")
    if text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return None
