"""Microsoft Entra's dialect of SCIM, rewritten as RFC 7643 and 7644 have it.

Called by patching for bodies and by query for filters, if a profile understands Entra. Pure. Source: Entra's
own examples (learn.microsoft.com, "Develop and plan provisioning for a SCIM endpoint") and the Postman
collection of its reference code. Entra writes a manager as a plain id, `""` for none, paths as names in a
value, a `name` in an operation, a schema of its own on groups, and attributes of the enterprise extension
without their URN in filters.
"""

from __future__ import annotations

import re

from controller.provider.documents import JsonObject
from controller.provider.models import ENTERPRISE_USER

_OWN_SCHEMAS = "http://schemas.microsoft.com/2006/11/resourcemanagement/adscim/"
_MANAGER = f"{ENTERPRISE_USER}:manager".lower()
_ENTERPRISE = ("employeeNumber", "costCenter", "organization", "division", "department", "manager")
_BY_LOWER = {name.lower(): name for name in _ENTERPRISE}
_FILTER_PARTS = re.compile(
    r'"(?:[^"\\]|\\.)*"?'  # a text stays as it is
    rf"|(?i:{re.escape(_MANAGER)}(?=\s))"
    r"|\[[^\]]*\]?"  # so does what selects among values: its names are sub-attributes
    r"|(?<![\w:.$-])([A-Za-z][\w$-]*)(?=[.\s])"
)


def plain_body(payload: JsonObject) -> JsonObject:
    """`payload`, a user or a group, without Entra's own schema; a manager is an object or absent."""
    plain = {name: _plain_member(name, value) for name, value in payload.items()}
    return {name: value for name, value in plain.items() if value is not None or payload[name] is None}


def plain_patch(payload: JsonObject) -> JsonObject:
    """`payload`, a PATCH, with operations as the RFC writes them."""
    return {
        name: [plain for each in value for plain in _operations(each)]
        if name.lower() == "operations" and isinstance(value, list)
        else value
        for name, value in payload.items()
    }


def _operations(operation: object) -> list[object]:
    """One operation as the RFC writes it: several, if names in its value are paths."""
    if not isinstance(operation, dict):
        return [operation]
    operation = {name: value for name, value in operation.items() if name.lower() != "name"}
    path, value = operation.get("path"), operation.get("value")
    if isinstance(path, str) and path.lower() in (_MANAGER, f"{_MANAGER}.value"):
        return [_manager_operation(operation, path)]
    if path or not isinstance(value, dict):
        return [operation]
    return _spread(operation, value)


def plain_filter(text: str) -> str:
    """A filter on users with the URN before attributes of the enterprise extension, and `manager` meaning its
    id."""
    return _FILTER_PARTS.sub(_qualified, text)


def _plain_member(name: str, value: object) -> object:
    """The value of one attribute of a resource; None takes it away."""
    lower = name.lower()
    if lower == "schemas" and isinstance(value, list):
        return [urn for urn in value if not (isinstance(urn, str) and urn.lower().startswith(_OWN_SCHEMAS))]
    if lower == ENTERPRISE_USER.lower() and isinstance(value, dict):
        return {key: _manager(item) if key.lower() == "manager" else item for key, item in value.items()}
    return value


def _manager(value: object) -> object:
    """A manager as an object; None for none: Entra clears it by an empty text."""
    if isinstance(value, str):
        return {"value": value} if value else None
    if isinstance(value, dict):
        ids = [item for name, item in value.items() if name.lower() == "value"]
        return None if ids and ids[0] in ("", None) else value
    return value


def _manager_operation(operation: JsonObject, path: str) -> JsonObject:
    """An operation on the manager; taking away if the value is none."""
    if str(operation.get("op", "")).lower() == "remove":
        return operation
    whole = path[: len(_MANAGER)]
    manager = _manager(operation.get("value"))
    if manager is None:
        return {"op": "remove", "path": whole}
    return {**operation, "path": whole, "value": manager}


def _spread(operation: JsonObject, value: JsonObject) -> list[object]:
    """An operation without a path: names that are paths with brackets, and managers, each get one of their
    own."""
    rest: JsonObject = {}
    single: list[object] = []
    for name, item in value.items():
        if "[" in name:
            single.append({**operation, "path": name, "value": item})
        elif name.lower() in (_MANAGER, f"{_MANAGER}.value"):
            single.append(_manager_operation({**operation, "value": item}, name))
        elif name.lower() == ENTERPRISE_USER.lower() and isinstance(item, dict):
            kept, managers = _without_manager(item)
            rest.update({name: kept} if kept or not managers else {})
            single += [
                _manager_operation({**operation, "value": manager}, f"{ENTERPRISE_USER}:manager")
                for manager in managers
            ]
        else:
            rest[name] = item
    return [{**operation, "value": rest}, *single] if rest or not single else single


def _without_manager(extension: JsonObject) -> tuple[JsonObject, list[object]]:
    kept = {name: item for name, item in extension.items() if name.lower() != "manager"}
    return kept, [item for name, item in extension.items() if name.lower() == "manager"]


def _qualified(match: re.Match[str]) -> str:
    if match[0].lower() == _MANAGER:
        return f"{match[0]}.value"
    name = _BY_LOWER.get((match[1] or "").lower())
    if name is None:
        return match[0]
    follows = match.string[match.end() : match.end() + 1]
    return f"{ENTERPRISE_USER}:{name}" + (".value" if name == "manager" and follows != "." else "")
