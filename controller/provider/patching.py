"""What is read of a body before it reaches the models: what is not the client's to say is taken out.

Called by scim and bulk. Okta always sends password, groups and locale, whatever the service takes; Microsoft
Entra's forms are written as the RFC has them, by entra.
"""

from __future__ import annotations

import re
from typing import TypeVar

from pydantic import ValidationError
from scim2_models import Context
from scim2_server.service import scim_exception_of

from controller.provider.documents import JsonObject
from controller.provider.entra import plain_body, plain_patch
from controller.provider.models import AnyPatch, NamedGroup, SentBody, UserModel
from controller.provider.profiles import Profile
from controller.provider.protocol import Protocol

READ_ONLY = ("id", "meta")
M = TypeVar("M", bound=SentBody)
_HEAD = re.compile(r"(?:urn:ietf:params:scim:schemas:core:2\.0:user:)?([a-z$]\w*)", re.IGNORECASE)


def without_ignored(payload: JsonObject, profile: Profile) -> JsonObject:
    """`payload` without the attributes that the profile ignores, whatever their case."""
    ignored = set(profile.ignored)
    return {
        name: value
        for name, value in payload.items()
        if name not in ignored
        and not ((match := _HEAD.fullmatch(name)) and match.group(1).lower() in ignored)
    }


def read_user(protocol: Protocol, profile: Profile, payload: JsonObject, context: Context) -> UserModel:
    """The User in a body. Raises the SCIM error that names what is wrong."""
    return read_model(protocol, protocol.user, own_of_user(payload, profile), context)


def without_read_only(payload: JsonObject) -> JsonObject:
    """`payload` without what only the server says; it is ignored in any form (RFC 7644 section 3.3)."""
    return {name: value for name, value in payload.items() if name.lower() not in READ_ONLY}


def own_of_user(payload: JsonObject, profile: Profile) -> JsonObject:
    """The part of a User that is the client's to say, as the profile has it."""
    written = plain_body(payload) if profile.entra else payload
    kept = without_read_only(without_ignored(written, profile))
    return {name: value for name, value in kept.items() if name.lower() != "groups"}


def read_group(protocol: Protocol, profile: Profile, payload: JsonObject, context: Context) -> NamedGroup:
    """The Group in a body. Raises the SCIM error that names what is wrong."""
    return read_model(protocol, protocol.group, own_of_group(payload, profile), context)


def read_model(protocol: Protocol, model: type[M], payload: JsonObject, context: Context) -> M:
    """The `model` in a body. Raises the SCIM error that names what is wrong."""
    try:
        with protocol.provider:
            return model.model_validate(without_read_only(payload), scim_ctx=context)
    except ValidationError as error:
        raise scim_exception_of(error) from error


def read_patch(protocol: Protocol, profile: Profile, kind: str, payload: JsonObject) -> AnyPatch | None:
    """The PATCH in a body, or None if all of it concerns ignored attributes."""
    kept = own_of_patch(payload, profile, kind)
    if kept is None:
        return None
    model = protocol.user_patch if kind == "User" else protocol.group_patch
    return read_model(protocol, model, kept, Context.RESOURCE_PATCH_REQUEST)


def own_of_patch(payload: JsonObject, profile: Profile, kind: str) -> JsonObject | None:
    """A PATCH as the RFC writes it, without what the profile ignores; None if nothing is left of it."""
    written = plain_patch(payload) if profile.entra else payload
    return _without_ignored_operations(written, profile) if kind == "User" else written


def own_of_group(payload: JsonObject, profile: Profile) -> JsonObject:
    """A Group as the RFC writes it."""
    return plain_body(payload) if profile.entra else payload


def _without_ignored_operations(payload: JsonObject, profile: Profile) -> JsonObject | None:
    """A PATCH without what concerns ignored attributes; None if nothing is left of it."""
    operations = next((value for name, value in payload.items() if name.lower() == "operations"), None)
    if not isinstance(operations, list):
        return payload
    kept = [left for each in operations if (left := _operation(each, profile)) is not None]
    if operations and not kept:
        return None
    rest = {name: value for name, value in payload.items() if name.lower() != "operations"}
    return rest | {"Operations": kept}


def only_active(payload: JsonObject) -> bool | None:
    """The value of `active` if that is all a PATCH sets, in one of the two plain forms; else None.

    This is how Okta deactivates and reactivates; whatever is written differently takes the way of the models.
    """
    match payload:
        case {
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
            "Operations": [{"op": "replace", **rest}],
        } if len(payload) == 2:
            value = rest.get("value")
            if rest.keys() == {"path", "value"} and rest["path"] == "active":
                return value if isinstance(value, bool) else None
            if rest.keys() == {"value"} and isinstance(value, dict) and value.keys() == {"active"}:
                return value["active"] if isinstance(value["active"], bool) else None
    return None


def _operation(operation: object, profile: Profile) -> object:
    """The operation without ignored attributes; None if nothing is left of it."""
    if not isinstance(operation, dict):
        return operation
    path, value = operation.get("path"), operation.get("value")
    if isinstance(path, str) and path:
        match = _HEAD.match(path)
        plain = match is not None and (match.end() == len(path) or path[match.end()] in ".[")
        return None if match and plain and match.group(1).lower() in profile.ignored else operation
    if isinstance(value, dict) and value:
        kept = without_ignored(value, profile)
        return {**operation, "value": kept} if kept else None
    return operation
