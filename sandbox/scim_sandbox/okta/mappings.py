"""Profile mappings: merged by POST, an explicit null removes, nothing is applied to people by saving.

Called by the mapping routes and seed. One mapping per user type and app in each direction.
Source: developer.okta.com, Profile Mappings.
"""

from __future__ import annotations

from typing import Any

from scim_sandbox.okta import expressions
from scim_sandbox.okta.problems import OktaProblem, missing
from scim_sandbox.okta.records import JSON, AppRecord, MappingRecord, UserTypeRecord
from scim_sandbox.okta.schemas import USER_BASE
from scim_sandbox.okta.store import Org
from scim_sandbox.okta.systemlog import target

PUSH_STATUSES = ("PUSH", "DONT_PUSH")


def find_mapping(org: Org, mapping_id: str) -> MappingRecord:
    if mapping_id not in org.mappings:
        raise missing(mapping_id, "ProfileMapping")
    return org.mappings[mapping_id]


def list_mappings(org: Org, source_id: str | None, target_id: str | None) -> list[MappingRecord]:
    """Mappings from `source_id` to `target_id`, in order of id; 400 where one is neither an app nor a user
    type.
    """
    for wanted in (source_id, target_id):
        if wanted and wanted not in org.apps and wanted not in org.types:
            raise OktaProblem(
                "E0000002",
                f"The request was not valid: Invalid source or target id: {wanted}. It must be of either App"
                " Instance or UserType id.",
            )
    found = [
        mapping
        for mapping in org.mappings.values()
        if source_id in (None, "", mapping.source_id) and target_id in (None, "", mapping.target_id)
    ]
    return sorted(found, key=lambda mapping: mapping.id)


def create_mappings(org: Org, app: AppRecord, kind: UserTypeRecord, properties: JSON) -> None:
    """Both directions between a user type and an app; the way back knows the login only."""
    for source, destination, values in (
        (kind.id, app.id, {name: dict(rule) for name, rule in properties.items()}),
        (app.id, kind.id, {"login": {"expression": "appuser.userName", "pushStatus": "DONT_PUSH"}}),
    ):
        record = MappingRecord(org.new_id("mapping"), source, destination, values)
        org.mappings[record.id] = record


def change_mapping(org: Org, mapping: MappingRecord, body: JSON) -> MappingRecord:
    """Merges `properties`; 400 names the attribute that does not exist or the expression that is none."""
    changes = body.get("properties")
    if not isinstance(changes, dict):
        raise OktaProblem("E0000003")
    merged = dict(mapping.properties)
    for name, rule in changes.items():
        if name == "userName":
            continue  # the username comes from the app's userNameTemplate; what is sent here does not take
        if rule is None or (isinstance(rule, dict) and rule.get("expression") is None):
            merged.pop(name, None)
        else:
            merged[name] = _checked(org, mapping, name, rule, merged.get(name))
    if merged != mapping.properties:
        mapping.properties = merged
        org.log.record("directory.mapping.update", *_targets(org, mapping))
    return mapping


def _checked(org: Org, mapping: MappingRecord, name: str, rule: Any, old: JSON | None) -> JSON:
    if not isinstance(rule, dict) or not isinstance(rule.get("expression"), str):
        raise OktaProblem("E0000003")
    if name not in _target_attributes(org, mapping):
        raise OktaProblem(
            "E0000001", "Api validation failed: mapping", f"{name}: The target profile has no such property."
        )
    status = rule.get("pushStatus") or (old or {}).get("pushStatus") or "DONT_PUSH"
    if status not in PUSH_STATUSES:
        raise OktaProblem(
            "E0000001", "Api validation failed: mapping", f"{name}: pushStatus must be PUSH or DONT_PUSH."
        )
    try:
        expressions.parse(rule["expression"])
    except expressions.ExpressionError as error:
        raise OktaProblem(
            "E0000001", "Api validation failed: mapping", f"Invalid property expression for {name}: {error}"
        ) from None
    return {"expression": rule["expression"], "pushStatus": status}


def _target_attributes(org: Org, mapping: MappingRecord) -> set[str]:
    app = org.apps.get(mapping.target_id)
    if app is None:
        return {*USER_BASE, *org.types[mapping.target_id].custom}
    visible = app.schema.pending if app.schema.pending is not None else app.schema.custom
    return {*app.schema.base, *app.schema.custom, *visible}


def _targets(org: Org, mapping: MappingRecord) -> tuple[JSON, ...]:
    app = org.apps.get(mapping.target_id) or org.apps.get(mapping.source_id)
    found: list[JSON] = [target("ProfileMapping", mapping.id, "mapping")]
    if app is not None:
        found.append(target("AppInstance", app.id, app.body["label"]))
    return tuple(found)
