"""The admin API's handlers about people.

Called by routes, and by the console for the same acts. An edit by hand is an edit of the SaaS's
own record: it needs no confirmation, it is journalled, and it is refused where the value -> group mapping
owns what it would change.
"""

from __future__ import annotations

import json
from typing import Any

from scim2_models import Context as Ctx
from sqlalchemy import ColumnElement, exists, func, literal, or_, select
from starlette.responses import Response

from controller.clock import parse_rfc3339
from controller.provider.admin.calls import (
    AdminCall,
    answer_json,
    bool_field,
    number_parameter,
    text_field,
)
from controller.provider.admin.problems import Problem
from controller.provider.casefold import fold
from controller.provider.groups import refuse_by_hand
from controller.provider.jsonsql import json_of
from controller.provider.memberships import (
    find_group_by_name,
    groups_of,
    groups_of_many,
    set_groups,
)
from controller.provider.people import COLUMNS, Context, Person, lock_person, store_change
from controller.provider.person_changes import accept, change_person, set_active
from controller.provider.protocol import protocol_of
from controller.provider.statements import Unit
from controller.provider.tables import groups, memberships, people

PAGE, LARGEST_PAGE = 500, 1000
STATUSES = ("active", "pending", "deactivated")
EDITABLE = (
    "userName", "displayName", "givenName", "familyName", "email", "externalId", "active", "lastActive",
    "group", "groups",
)  # fmt: skip


def shown_person(person: Person, group_names: list[str]) -> dict[str, Any]:
    """A person as the admin API shows one. `group` is the first of `groups`; `groupValue` was sent."""
    name = json.loads(person.doc).get("name", {})
    return {
        "id": person.id,
        "userName": person.user_name,
        "displayName": person.display_name,
        "givenName": name.get("givenName"),
        "familyName": name.get("familyName"),
        "email": person.email,
        "pendingEmail": person.pending_email,
        "externalId": person.external_id,
        "active": bool(person.active),
        "status": person.status,
        "seat": bool(person.seated),
        "licence": person.licence,
        "group": group_names[0] if group_names else None,
        "groups": group_names,
        "groupValue": person.group_value,
        "created": person.created,
        "lastModified": person.modified,
        "acceptedAt": person.accepted_at,
        "lastActive": person.last_active,
        "version": person.version,
    }


async def list_people(call: AdminCall, _: tuple[str, ...]) -> Response:
    """GET people: `query` in names and addresses, `status`, `group`; paged by `after` and `limit`."""
    query = call.query()
    if query.get("status") not in (None, "", *STATUSES):
        raise Problem(400, "InvalidParameter", f"status is one of {', '.join(STATUSES)}", field="status")
    limit = number_parameter(query, "limit", PAGE, LARGEST_PAGE)
    after = number_parameter(query, "after", 0, 1 << 59)
    body = await call.database.read(
        lambda unit: people_page(unit, call.org.id, query, limit, after), heavy=True
    )
    return answer_json(body)


def people_clauses(unit: Unit, org_id: str, query: dict[str, str]) -> list[ColumnElement[bool]]:
    """The conditions of a search for people."""
    clauses = [people.c.org_id == org_id]
    if query.get("status"):
        clauses.append(people.c.status == query["status"])
    if query.get("query"):
        needle = literal(fold(query["query"]))
        json = json_of(unit.dialect)
        columns = (people.c.user_name_key, people.c.display_name_key, json.fold(people.c.email))
        clauses.append(or_(*(json.contains(func.coalesce(column, ""), needle) for column in columns)))
    if query.get("group"):
        joined = (groups.c.org_id == memberships.c.org_id) & (groups.c.id == memberships.c.group_id)
        inside = select(literal(1)).select_from(memberships.join(groups, joined))
        clauses.append(
            exists(
                inside.where(
                    memberships.c.org_id == org_id,
                    memberships.c.member_id == people.c.id,
                    groups.c.display_name == query["group"],
                )
            )
        )
    return clauses


def people_page(unit: Unit, org_id: str, query: dict[str, str], limit: int, after: int) -> dict[str, Any]:
    clauses = people_clauses(unit, org_id, query)
    counted = unit.one(select(func.count()).select_from(people).where(*clauses))
    rows = unit.all(
        select(*COLUMNS).where(*clauses, people.c.seq > after).order_by(people.c.seq).limit(limit)
    )
    found = [Person._make(row) for row in rows]
    in_groups = groups_of_many(unit, org_id, [person.id for person in found]) if found else {}
    page = {
        "people": [shown_person(each, [name for _, name in in_groups.get(each.id, [])]) for each in found],
        "total": counted[0] if counted else 0,
    }
    return page | ({"next": str(found[-1].seq)} if len(found) == limit and found else {})


def _shown(unit: Unit, org_id: str, person: Person) -> dict[str, Any]:
    return shown_person(person, [group.name for group in groups_of(unit, org_id, person.id)])


async def show_person(call: AdminCall, identifiers: tuple[str, ...]) -> Response:
    """GET people/{id}."""

    def job(unit: Unit) -> dict[str, Any]:
        return _shown(unit, call.org.id, lock_person(unit, call.org.id, identifiers[0]))

    return answer_json(await call.database.read(job))


async def edit_person(call: AdminCall, identifiers: tuple[str, ...]) -> Response:
    """PATCH people/{id}: an edit by hand."""
    body = call.body(*EDITABLE)
    check_edit(body)

    def job(unit: Unit) -> dict[str, Any]:
        context = call.context(unit)
        return _shown(unit, context.org.id, edit_by_hand(unit, context, identifiers[0], body))

    return answer_json(await call.database.write(job))


def edit_by_hand(unit: Unit, context: Context, person_id: str, body: dict[str, Any]) -> Person:
    """The person after an edit that `check_edit` has passed; raises 409 where the mapping owns the groups."""
    person = _edit_record(unit, context, lock_person(unit, context.org.id, person_id), body)
    if "lastActive" in body:
        moved = person._replace(last_active=_moment(body["lastActive"]))
        store_change(unit, context, person, moved)
        person = moved
    _edit_groups(unit, context, person, body)
    return person


def check_edit(body: dict[str, Any]) -> None:
    """Raises Problem naming the member of `body` that is not as it must be."""
    for name in ("userName", "displayName", "givenName", "familyName", "email", "externalId", "group"):
        text_field(body, name)
    bool_field(body, "active")
    names = body.get("groups", [])
    if not isinstance(names, list) or any(not isinstance(name, str) for name in names):
        raise Problem(400, "InvalidValue", "groups must be a list of displayNames", field="groups")
    if body.get("userName", "x") is None:
        raise Problem(400, "InvalidValue", "userName cannot be removed", field="userName")
    if "lastActive" in body:
        _moment(body["lastActive"])


def _moment(value: Any) -> str | None:
    if value is None:
        return None
    try:
        return parse_rfc3339(value).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    except (ValueError, AttributeError, TypeError, OverflowError) as error:
        raise Problem(
            400, "InvalidValue", "lastActive must be an RFC 3339 time", field="lastActive"
        ) from error


def _edit_record(unit: Unit, context: Context, person: Person, body: dict[str, Any]) -> Person:
    """The person after the part of an edit that the record itself holds."""
    document = json.loads(person.doc)
    for name in ("userName", "displayName", "externalId", "active"):
        if name in body:
            document[name] = body[name]
    for name in ("givenName", "familyName"):
        if name in body:
            document.setdefault("name", {})[name] = body[name]
    if "email" in body:
        document["emails"] = _with_primary(document.get("emails", []), body["email"])
    protocol = protocol_of(context.org.profile, "")
    with protocol.provider:
        model = protocol.user.model_validate(document, scim_ctx=Ctx.DEFAULT)
    return change_person(unit, context, person, model, is_admin=True)


def _with_primary(mails: list[dict[str, Any]], address: str | None) -> list[dict[str, Any]]:
    """`mails` with `address` in place of the primary one, or without it for None."""
    index = next((i for i, mail in enumerate(mails) if mail.get("primary")), 0)
    if address is None:
        return mails[:index] + mails[index + 1 :]
    if not mails:
        return [{"value": address, "type": "work", "primary": True}]
    return [{**mail, "value": address} if i == index else mail for i, mail in enumerate(mails)]


def _edit_groups(unit: Unit, context: Context, person: Person, body: dict[str, Any]) -> None:
    if "group" not in body and "groups" not in body:
        return
    refuse_by_hand(context.org)
    names = body["groups"] if "groups" in body else [body["group"]] if body["group"] else []
    ids = []
    for name in names:
        found = find_group_by_name(unit, context.org.id, name)
        if found is None:
            raise Problem(422, "UnknownGroup", f"There is no group {name!r}", field="groups")
        ids.append(found)
    set_groups(unit, context.org.id, person.id, list(dict.fromkeys(ids)), context.actor, context.now)


async def accept_invitation(call: AdminCall, identifiers: tuple[str, ...]) -> Response:
    """POST people/{id}/accept: the person signs in for the first time."""

    def job(unit: Unit) -> dict[str, Any]:
        context = call.context(unit)
        person = accept(unit, context, lock_person(unit, context.org.id, identifiers[0]))
        return _shown(unit, context.org.id, person)

    return answer_json(await call.database.write(job))


async def deactivate(call: AdminCall, identifiers: tuple[str, ...]) -> Response:
    """POST people/{id}/deactivate: the record stays, the seat is free."""

    def job(unit: Unit) -> dict[str, Any]:
        context = call.context(unit)
        person = lock_person(unit, context.org.id, identifiers[0])
        return _shown(unit, context.org.id, set_active(unit, context, person, False, is_admin=True))

    return answer_json(await call.database.write(job))


async def confirm_email(call: AdminCall, identifiers: tuple[str, ...]) -> Response:
    """POST people/{id}/confirm-email: the person confirms the address that waits."""

    def job(unit: Unit) -> dict[str, Any]:
        context = call.context(unit)
        return _shown(unit, context.org.id, confirm_address(unit, context, identifiers[0]))

    return answer_json(await call.database.write(job))


def confirm_address(unit: Unit, context: Context, person_id: str) -> Person:
    """The person with the address that waited; raises Problem 409 where none does."""
    person = lock_person(unit, context.org.id, person_id)
    if person.pending_email is None:
        raise Problem(409, "NothingPending", "No change of address waits for confirmation")
    return _edit_record(unit, context, person, {"email": person.pending_email})
