"""Paths of the Kubernetes API: the only place that makes one from names, and the check of one that is sent.

A path is made of segments, never of text, so that a name cannot lead anywhere else: `../../victim/secrets/s`
is no name of an object, and ApiServer takes nothing but an ApiPath (mypy holds that; a test over the source
holds that no other module writes a path). Used by everything that calls ApiServer.
"""

from __future__ import annotations

import re
from typing import Self
from urllib.parse import quote

from controller.api.object_names import is_namespace_name, is_object_name
from controller.errors import SpecError, clip

_PLAIN = re.compile(r"(/[A-Za-z0-9_][A-Za-z0-9._:~-]*)+")
"""What every path looks like: no name needs quoting, so a `%` is somebody else's text."""


class ApiPath(str):
    """A path below the API server's address. SpecError for one with a dot segment, an empty segment, `?`,
    `#`, `%` or anything else that no name has: what would be sent is not what was meant."""

    __slots__ = ()

    def __new__(cls, text: str) -> Self:
        if not _PLAIN.fullmatch(text):
            raise _refused(text, "is no path of the Kubernetes API")
        return super().__new__(cls, text)

    @classmethod
    def of(cls, *segments: str) -> Self:
        """`/a/b/c`. SpecError for a segment that is empty, a dot segment, or has a slash in it."""
        return cls("".join(f"/{_quoted(segment)}" for segment in segments))

    def below(self, segment: str) -> Self:
        """What is under this one: a subresource, an object of a collection."""
        return type(self)(f"{self}/{_quoted(segment)}")


def _quoted(segment: str) -> str:
    if segment in ("", ".", "..") or "/" in segment:
        raise _refused(segment, "is no segment of a path of the Kubernetes API")
    return quote(segment, safe=":~")


def _refused(text: str, why: str) -> SpecError:
    return SpecError(f"{clip(ascii(text), 100)} {why}; correct it", field="")


def api_path(api_version: str) -> ApiPath:
    """`/apis/GROUP/VERSION`, or `/api/v1`: what the API server serves there."""
    return ApiPath.of("apis" if "/" in api_version else "api", *api_version.split("/"))


def object_path(
    api_version: str, plural: str, namespace: str | None = None, name: str | None = None
) -> ApiPath:
    """`/apis/GROUP/VERSION/namespaces/NS/PLURAL/NAME`; no namespace: all of them, or a cluster-wide kind; no
    name: the collection. SpecError where either is not what Kubernetes takes for a name, "" included."""
    path = api_path(api_version)
    if namespace is not None:
        if not is_namespace_name(namespace):
            raise _refused(namespace, "is not the name of a namespace")
        path = path.below("namespaces").below(namespace)
    path = path.below(plural)
    if name is None:
        return path
    if not is_object_name(name):
        raise _refused(name, "is not the name of a Kubernetes object")
    return path.below(name)


def field_selector(name: str) -> str:
    """Selects the object `name` of a collection. SpecError where that would select more, as `a,b!=c` does."""
    if not is_object_name(name):
        raise _refused(name, "is not the name of a Kubernetes object")
    return f"metadata.name={name}"
