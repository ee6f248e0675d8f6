"""Which URLs may be called at all: https, plain http on loopback, never link-local or metadata addresses.

Called by targets and okta for every URL that a resource names, and by Session for its base. Pure: a name
that resolves to a forbidden address is caught later, by transport.guard, when the connection is made.
"""

from __future__ import annotations

from urllib.parse import SplitResult

from controller.parsing import split_url
from controller.transport.addresses import is_forbidden, is_loopback_address
from controller.urls import parse_address

METADATA_NAMES = frozenset({"metadata", "metadata.google.internal", "instance-data", "metadata.goog"})


class UrlRefused(ValueError):
    """A URL that is never called; the text says why and what to write in its place."""


def check_url(
    url: str,
    allow_http_services: bool = False,
    *,
    allow_http_loopback: bool = True,
    allow_path: bool = True,
) -> str:
    """`url` without a trailing slash. Raises UrlRefused with the fix.

    Plain http is for loopback and, where `allow_http_services`, for hosts under `.svc`. `allow_path` is
    False for an Okta org, whose URL is scheme and host only.
    """
    parts = _split(url)
    host = (parts.hostname or "").rstrip(".").lower()
    _refuse_metadata(host, url)
    _refuse_plain_http(parts.scheme, host, allow_http_loopback, allow_http_services)
    if not allow_path and parts.path.strip("/"):
        raise UrlRefused(f"has the path {parts.path!r}; write only {parts.scheme}://{parts.netloc}")
    return url.rstrip("/")


def origin(url: str) -> tuple[str, str, int]:
    """(scheme, host, port) with the scheme's own port filled in; equal for URLs of one server. What is no URL
    is the origin of itself alone."""
    try:
        parts = split_url(url)
    except ValueError:
        return "", url, 0
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return parts.scheme.lower(), (parts.hostname or "").rstrip(".").lower(), port


def is_loopback(host: str) -> bool:
    """Whether `host` names this machine: localhost, 127.0.0.0/8 or ::1."""
    address = parse_address(host)
    return (
        host == "localhost"
        or host.endswith(".localhost")
        or (address is not None and is_loopback_address(address))
    )


def _split(url: str) -> SplitResult:
    try:
        parts = split_url(url)
    except ValueError as error:
        raise UrlRefused(f"{url[:100]!r} is not a URL: {error}") from None
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.port == 0:
        raise UrlRefused(f"{url[:100]!r} is not an http(s) URL; write https://HOST[:PORT]/PATH")
    if parts.username is not None or parts.password is not None:
        raise UrlRefused("has credentials in the URL; put them into the Secret and write the URL without")
    if set(url) & set("?#"):
        raise UrlRefused("has a query or a fragment; write it without ? and #")
    if "\\" in url or any(not letter.isprintable() or letter == " " for letter in url):
        raise UrlRefused("has a backslash, a space or a control character; write it without")
    return parts


def _refuse_metadata(host: str, url: str) -> None:
    address = parse_address(host)
    if host in METADATA_NAMES or (address is not None and is_forbidden(address)):
        raise UrlRefused(f"{url[:100]!r} is a link-local or metadata address, which is never called")


def _refuse_plain_http(scheme: str, host: str, loopback: bool, services: bool) -> None:
    if scheme == "https" or (loopback and is_loopback(host)):
        return
    if host.endswith((".svc", ".svc.cluster.local")):
        if services:
            return
        raise UrlRefused("is plain http; use https, or allow it by SCIM_OPERATOR_ALLOW_HTTP_SERVICES=true")
    if is_loopback(host):
        raise UrlRefused("is plain http; use https, or allow it by SCIM_OPERATOR_ALLOW_HTTP_LOOPBACK=true")
    raise UrlRefused("is plain http, over which a token could be read; use https")
