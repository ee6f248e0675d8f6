"""The admin API's handlers about people.

Called by routes, and by the console for the same acts. An edit by hand is an edit of the SaaS's
own record: it needs no confirmation, it is journalled, and it is refused if the value -> group mapping
owns what it would change.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from scim2_models import Context as Ctx
from sqlalchemy import ColumnElement, exists, func, literal, or_, select
from starlette.responses import Response

from controller.provider.admin.answers import PeopleAnswer, PersonAnswer, person_answer
from controller.provider.admin.bodies import PeopleParameters, PersonEdit
from controller.provider.admin.calls import AdminCall, answer_json
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


async def list_people(call: AdminCall) -> Response:
    """GET people: `query` in names and addresses, `status`, `group`; paged by `after` and `limit`."""
    wanted = call.parameters(PeopleParameters)
    return answer_json(
        await call.database.read(lambda unit: people_page(unit, call.org.id, wanted), heavy=True)
    )


def people_clauses(unit: Unit, org_id: str, wanted: PeopleParameters) -> list[ColumnElement[bool]]:
    """The conditions of a search for people."""
    clauses = [people.c.org_id == org_id]
    if wanted.status:
        clauses.append(people.c.status == wanted.status)
    if wanted.query:
        needle = literal(fold(wanted.query))
        json = json_of(unit.dialect)
        columns = (people.c.user_name_key, people.c.display_name_key, json.fold(people.c.email))
        clauses.append(or_(*(json.contains(func.coalesce(column, ""), needle) for column in columns)))
    if wanted.group:
        joined = (groups.c.org_id == memberships.c.org_id) & (groups.c.id == memberships.c.group_id)
        inside = select(literal(1)).select_from(memberships.join(groups, joined))
        clauses.append(
            exists(
                inside.where(
                    memberships.c.org_id == org_id,
                    memberships.c.member_id == people.c.id,
                    groups.c.display_name == wanted.group,
                )
            )
        )
    return clauses


def people_page(unit: Unit, org_id: str, wanted: PeopleParameters) -> PeopleAnswer:
    """The page of people that is asked for."""
    clauses = people_clauses(unit, org_id, wanted)
    counted = unit.one(select(func.count()).select_from(people).where(*clauses))
    page = select(*COLUMNS).where(*clauses, people.c.seq > wanted.after)
    rows = unit.all(page.order_by(people.c.seq).limit(wanted.limit))
    found = [Person._make(row) for row in rows]
    in_groups = groups_of_many(unit, org_id, [person.id for person in found]) if found else {}
    return PeopleAnswer(
        people=[person_answer(each, [name for _, name in in_groups.get(each.id, [])]) for each in found],
        total=counted[0] if counted else 0,
        next=str(found[-1].seq) if found and len(found) == wanted.limit else None,
    )


def _shown(unit: Unit, org_id: str, person: Person) -> PersonAnswer:
    return person_answer(person, [group.name for group in groups_of(unit, org_id, person.id)])


async def show_person(call: AdminCall) -> Response:
    """GET people/{id}."""

    def job(unit: Unit) -> PersonAnswer:
        return _shown(unit, call.org.id, lock_person(unit, call.org.id, call.id))

    return answer_json(await call.database.read(job))


async def edit_person(call: AdminCall) -> Response:
    """PATCH people/{id}: an edit by hand."""
    edit = call.body(PersonEdit)

    def job(unit: Unit) -> PersonAnswer:
        context = call.context(unit)
        return _shown(unit, context.org.id, edit_by_hand(unit, context, call.id, edit))

    return answer_json(await call.database.write(job))


def edit_by_hand(unit: Unit, context: Context, person_id: str, edit: PersonEdit) -> Person:
    """The person after an edit; raises Problem 409 while the mapping decides about groups."""
    sent = edit.model_dump(by_alias=True, exclude_unset=True)
    person = _edit_record(unit, context, lock_person(unit, context.org.id, person_id), sent)
    if "lastActive" in sent:
        moved = person._replace(last_active=edit.last_active)
        store_change(unit, context, person, moved)
        person = moved
    _edit_groups(unit, context, person, edit)
    return person


def _edit_record(unit: Unit, context: Context, person: Person, sent: Mapping[str, object]) -> Person:
    """The person after the part of an edit that the record itself holds."""
    document = json.loads(person.doc)
    for name in ("userName", "displayName", "externalId", "active"):
        if name in sent:
            document[name] = sent[name]
    for name in ("givenName", "familyName"):
        if name in sent:
            document.setdefault("name", {})[name] = sent[name]
    if "email" in sent:
        document["emails"] = _with_primary(document.get("emails", []), sent["email"])
    protocol = protocol_of(context.org.profile, "")
    with protocol.provider:
        model = protocol.user.model_validate(document, scim_ctx=Ctx.DEFAULT)
    return change_person(unit, context, person, model, is_admin=True)


def _with_primary(mails: list[dict[str, object]], address: object) -> list[dict[str, object]]:
    """`mails` with `address` in place of the primary one, or without it for None."""
    index = next((i for i, mail in enumerate(mails) if mail.get("primary")), 0)
    if address is None:
        return mails[:index] + mails[index + 1 :]
    if not mails:
        return [{"value": address, "type": "work", "primary": True}]
    return [{**mail, "value": address} if i == index else mail for i, mail in enumerate(mails)]


def _edit_groups(unit: Unit, context: Context, person: Person, edit: PersonEdit) -> None:
    if not edit.model_fields_set & {"group", "groups"}:
        return
    refuse_by_hand(context.org)
    names = [edit.group] if edit.group else []
    if "groups" in edit.model_fields_set:
        names = edit.groups
    ids = []
    for name in names:
        found = find_group_by_name(unit, context.org.id, name)
        if found is None:
            raise Problem(422, "UnknownGroup", f"There is no group {name!r}", field="groups")
        ids.append(found)
    set_groups(unit, context.org.id, person.id, list(dict.fromkeys(ids)), context.actor, context.now)


async def accept_invitation(call: AdminCall) -> Response:
    """POST people/{id}/accept: the person signs in for the first time."""

    def job(unit: Unit) -> PersonAnswer:
        context = call.context(unit)
        person = accept(unit, context, lock_person(unit, context.org.id, call.id))
        return _shown(unit, context.org.id, person)

    return answer_json(await call.database.write(job))


async def deactivate(call: AdminCall) -> Response:
    """POST people/{id}/deactivate: the record stays, the seat is free."""

    def job(unit: Unit) -> PersonAnswer:
        context = call.context(unit)
        person = lock_person(unit, context.org.id, call.id)
        return _shown(unit, context.org.id, set_active(unit, context, person, False, is_admin=True))

    return answer_json(await call.database.write(job))


async def confirm_email(call: AdminCall) -> Response:
    """POST people/{id}/confirm-email: the person confirms the address that waits."""

    def job(unit: Unit) -> PersonAnswer:
        context = call.context(unit)
        return _shown(unit, context.org.id, confirm_address(unit, context, call.id))

    return answer_json(await call.database.write(job))


def confirm_address(unit: Unit, context: Context, person_id: str) -> Person:
    """The person with the address that waited; raises Problem 409 if none does."""
    person = lock_person(unit, context.org.id, person_id)
    if person.pending_email is None:
        raise Problem(409, "NothingPending", "No change of address waits for confirmation")
    return _edit_record(unit, context, person, {"email": person.pending_email})
