"""Bulk requests: many operations in one request and one transaction, each undone by itself if it fails.

Called by scim. The order, the bulkId references and failOnErrors are scim2-server's plan (RFC 7644 section
3.7); what each operation does is what the single request does.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from pydantic_core import to_json
from scim2_models import BulkOperation, SCIMException
from scim2_server.bulk import BulkPlan, BulkStep
from scim2_server.conditions import Conditions
from scim2_server.responses import ScimResponse
from scim2_server.service import BULK_SUCCESS_STATUS

from controller.provider.documents import JsonObject, etag
from controller.provider.groups import (
    Group,
    GroupPatch,
    create_group,
    lock_group,
    remove_group,
    replace_group,
)
from controller.provider.patching import own_of_group, own_of_patch, own_of_user
from controller.provider.people import Context, Person, lock_person, remove_person
from controller.provider.person_changes import change_person, create_or_reactivate
from controller.provider.profiles import Profile
from controller.provider.protocol import Protocol
from controller.provider.statements import Unit

logger = logging.getLogger(__name__)
Resource = Person | Group
Method = BulkOperation.Method
Sent: TypeAlias = "BulkOperation[Any]"


@dataclass(frozen=True, slots=True)
class BulkCall:
    """What an operation needs to know of the request it came in. `context` gives a fresh one."""

    protocol: Protocol
    base_url: str
    context: Callable[[Unit], Context]


def read_bulk(
    protocol: Protocol, profile: Profile, payload: JsonObject, content_type: str | None
) -> BulkPlan:
    """The plan of a Bulk request. Raises the SCIM error, 413 for too many operations among them."""
    operations = next((v for k, v in payload.items() if k.lower() == "operations"), None)
    if isinstance(operations, list):
        rest = {name: value for name, value in payload.items() if name.lower() != "operations"}
        payload = rest | {"Operations": [_without_ignored(each, profile) for each in operations]}
    with protocol.provider:
        return protocol.service.read_bulk(to_json(payload), content_type)


def _without_ignored(operation: object, profile: Profile) -> object:
    """The operation with its data as the RFC has it and without the attributes that the profile ignores."""
    if not isinstance(operation, dict) or not isinstance(operation.get("data"), dict):
        return operation
    data = operation["data"]
    kind = "User" if str(operation.get("path", "")).lower().startswith("/users") else "Group"
    if str(operation.get("method", "")).upper() == "PATCH":
        kept = own_of_patch(data, profile, kind)
    else:
        kept = own_of_user(data, profile) if kind == "User" else own_of_group(data, profile)
    return {**operation, "data": kept if kept is not None else data}


def run_bulk(unit: Unit, call: BulkCall, plan: BulkPlan) -> ScimResponse:
    """The answer, when every operation has run or failOnErrors has stopped it."""
    with call.protocol.provider:
        for step in plan:
            outcome, resource = _run_step(unit, call, plan, step)
            plan.record(step, outcome, resource)  # type: ignore[arg-type]  # only its id is read
        return call.protocol.service.bulk_response(plan)


def _run_step(
    unit: Unit, call: BulkCall, plan: BulkPlan, step: BulkStep
) -> tuple[JsonObject, Resource | None]:
    service = call.protocol.service
    operation = plan.operation(step)
    outcome = service.bulk_outcome(call.base_url, operation)
    try:
        kind = service.route_bulk_operation(operation)
        operation = plan.resolve(step)
        service.locate_bulk_operation(call.base_url, kind, operation, outcome)
        failure = service.bulk_validation_failure(operation, outcome)
        if failure is not None or kind is None:
            return failure or outcome, None
        with unit.savepoint():
            resource = _apply(unit, call, str(kind.name), operation)
    except Exception as error:
        if not isinstance(error, SCIMException):
            logger.exception("unexpected error in a bulk operation")
        return service.bulk_failure(outcome, error), None
    assert operation.method is not None
    outcome["status"] = BULK_SUCCESS_STATUS[operation.method]
    if resource is not None:
        outcome["location"] = f"{call.base_url}/{kind.name}s/{resource.id}"
        outcome["version"] = etag(resource.version)
    return outcome, resource


def _apply(unit: Unit, call: BulkCall, kind: str, operation: Sent) -> Resource | None:
    """The resource that the operation created or changed; None for a deletion."""
    context: Context = call.context(unit)
    apply = _apply_to_user if kind == "User" else _apply_to_group
    return apply(unit, call, context, operation)


def _apply_to_user(unit: Unit, call: BulkCall, context: Context, operation: Sent) -> Person | None:
    data: Any = operation.data  # of the method and the resource type, as scim2-server has checked
    if operation.method == Method.post:
        return create_or_reactivate(unit, context, data)[0]
    before = lock_person(unit, context.org.id, str(operation.resource_id))
    Conditions(if_match=operation.version).check(etag(before.version), str(operation.method))
    if operation.method == Method.delete:
        remove_person(unit, context, before)
        return None
    stored = call.protocol.user.model_validate_json(before.doc)
    if operation.method == Method.put:
        data.replace(stored)
        return change_person(unit, context, before, data)
    changed = data.patch(stored)
    return change_person(unit, context, before, stored, is_partial=True) if changed else before


def _apply_to_group(unit: Unit, call: BulkCall, context: Context, operation: Sent) -> Group | None:
    data: Any = operation.data  # of the method and the resource type, as scim2-server has checked
    if operation.method == Method.post:
        return create_group(unit, context, data)
    before = lock_group(unit, context.org.id, str(operation.resource_id))
    Conditions(if_match=operation.version).check(etag(before.version), str(operation.method))
    if operation.method == Method.delete:
        remove_group(unit, context, before)
        return None
    if operation.method == Method.put:
        return replace_group(unit, context, before, data, call.protocol)
    return GroupPatch(data, call.protocol).apply(unit, context, before, call.base_url)
