"""What a client sends and what it accepts: media types in, representation out.

Called by app. Pure. JSON and YAML are read, JSON is written; protobuf, which typed kubectl commands and
helm's release storage send, is refused with a 415 that says so.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import yaml

from scim_sandbox.kubernetes.failures import bad_request, not_acceptable, unsupported_media
from scim_sandbox.kubernetes.patch import APPLY, JSON, MERGE, STRATEGIC

BODY_TYPES = ("application/json", "application/yaml")
PATCH_TYPES = (JSON, MERGE, APPLY)
BUILTIN_PATCH_TYPES = (JSON, MERGE, STRATEGIC, APPLY)


@dataclass(frozen=True)
class Accepted:
    """The representation to answer in: `form` is "", Table, PartialObjectMetadata or a discovery list."""

    form: str = ""
    version: str = ""


_FORMS = frozenset({"Table", "PartialObjectMetadata", "PartialObjectMetadataList", "APIGroupDiscoveryList"})


def accepted(header: str) -> Accepted:
    """The first representation in an Accept header that can be produced; 406 where there is none."""
    clauses = [clause.strip() for clause in header.split(",") if clause.strip()] or ["*/*"]
    for clause in clauses:
        media, *parameters = [part.strip() for part in clause.split(";")]
        if media not in ("application/json", "application/*", "*/*", "text/plain", "text/*"):
            continue
        values = dict(part.partition("=")[::2] for part in parameters)
        form = values.get("as", "")
        if form and (form not in _FORMS or values.get("v") not in ("v1", "v2")):
            continue
        return Accepted(
            form.removesuffix("List") if form.startswith("Partial") else form, values.get("v", "")
        )
    raise not_acceptable(("application/json",))


def media_type(header: str) -> str:
    """The media type of a Content-Type header, without parameters; JSON where there is none."""
    return header.partition(";")[0].strip().lower() or "application/json"


def decoded(body: bytes, content_type: str, kind: str) -> dict[str, Any]:
    """The object in a request's body; 415 for other media types, 400 for what does not parse."""
    if content_type not in BODY_TYPES:
        raise unsupported_media(content_type, BODY_TYPES)
    value = parsed(body, content_type, kind)
    if not isinstance(value, dict):
        message = f"the object provided is unrecognized (must be of type {kind}): it is not an object"
        raise bad_request(message)
    return value


def parsed(body: bytes, content_type: str, kind: str) -> Any:
    """The document in `body`: YAML for types that end in yaml, else JSON. YAML reads both."""
    try:
        if content_type.endswith("yaml"):
            return _parse_yaml(body)
        return json.loads(body)
    except (ValueError, RecursionError, yaml.YAMLError) as error:
        start = body[:64].decode(errors="replace")
        raise bad_request(
            f"the object provided is unrecognized (must be of type {kind}): couldn't get version/kind; "
            f"{'yaml' if content_type.endswith('yaml') else 'json'} parse error: {_reason(error)} ({start})"
        ) from None


def _parse_yaml(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return yaml.load(body, Loader=_Loader)  # noqa: S506 - a SafeLoader


class _Loader(yaml.SafeLoader):
    """YAML as Kubernetes reads it: times stay strings."""


def _as_text(loader: _Loader, node: yaml.ScalarNode) -> Any:
    return loader.construct_scalar(node)


_Loader.add_constructor("tag:yaml.org,2002:timestamp", _as_text)


def _reason(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
