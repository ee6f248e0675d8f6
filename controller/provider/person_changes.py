"""What happens to people who are there: changed, deactivated, reactivated, accepted.

Called by scim, admin and bulk inside a transaction. Each function works out how the person stands afterwards
(status, seat, held-back address), stores that, and lets the mapping follow.
"""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, replace
from typing import Literal

from scim2_models import InvalidValueException, MutabilityException

from controller.provider.casefold import fold
from controller.provider.documents import JsonObject, content_of, content_of_model, document
from controller.provider.memberships import follow_mapping
from controller.provider.models import UserModel
from controller.provider.organizations import Organization
from controller.provider.people import (
    Context,
    Facts,
    Person,
    check_not_protected,
    create_person,
    facts_of,
    find_by_user_name,
    remove_person,
    rewrite_emails,
    store_change,
)
from controller.provider.seats import SeatDecision, Status, admit, next_status, refusal, takes_seat
from controller.provider.statements import Unit

SCRAMBLED = "deactivated-"


@dataclass(frozen=True, slots=True)
class PersonChange:
    """How a person is meant to be: facts for the row, content for the text. `emails` None: as they are."""

    facts: Facts
    content: JsonObject
    pending_email: str | None
    emails: tuple[str, ...] | None = None


def create_or_reactivate(unit: Unit, context: Context, model: UserModel) -> tuple[Person, bool]:
    """The person, and whether they are new; an inactive one comes back if the profile says so."""
    if context.org.profile.deprovisioning.reactivate_on_create and model.user_name:
        existing = find_by_user_name(unit, context.org.id, model.user_name)
        if existing and not existing.active:
            model.active = True
            return change_person(unit, context, existing, model), False
    return create_person(unit, context, model), True


def change_person(
    unit: Unit,
    context: Context,
    before: Person,
    model: UserModel,
    *,
    is_admin: bool = False,
    is_partial: bool = False,
) -> Person:
    """The person after `model` took the place of what was stored; `before` itself if nothing changed.

    An admin's own edit needs no confirmation of a new address; a partial one (PATCH) that does not touch the
    address leaves one that waits. Raises 409 for a taken userName, OverCapacityError, and 400 or 403 if
    the profile protects the person.
    """
    org = context.org
    facts = facts_of(model, bool(before.active))
    _check_allowed(org, before, facts, is_admin)
    pending = None if is_admin else _held_back(org, before, facts)
    if pending:
        model = _with_address(model, pending, before.email)
        facts = facts_of(model, bool(before.active))
    elif is_partial and facts.email == before.email:
        pending = before.pending_email
    return _settle(unit, context, before, PersonChange(facts, content_of_model(model), pending, facts.emails))


def set_active(
    unit: Unit, context: Context, before: Person, is_active: bool, *, is_admin: bool = False
) -> Person:
    """As `change_person`, if nothing but `active` changes: what an IdP sends most."""
    facts = Facts(
        user_name=before.user_name, display_name=before.display_name, external_id=before.external_id,
        emails=(), email=before.email, is_active=is_active, group_value=before.group_value,
    )  # fmt: skip
    _check_allowed(context.org, before, facts, is_admin)
    content = json.loads(before.doc)
    for name in ("id", "meta"):
        del content[name]
    content["active"] = is_active
    return _settle(unit, context, before, PersonChange(facts, content, before.pending_email))


def _settle(unit: Unit, context: Context, before: Person, change: PersonChange) -> Person:
    """Stores `change` with what follows from it; `before` if that is nothing."""
    org, now = context.org, context.now
    status, decision = _standing(org, before, change.facts)
    change, former_name = _renamed(org, before, status, change)
    facts = change.facts
    doc = document(change.content, "User", before.id, (before.created, now), before.version + 1)
    is_same = content_of(doc) == content_of(before.doc) and status == before.status
    if is_same and change.pending_email == before.pending_email:
        return before
    after = before._replace(
        user_name=facts.user_name, external_id=facts.external_id, display_name=facts.display_name,
        email=facts.email, pending_email=change.pending_email, active=int(facts.is_active), status=status,
        seated=int(decision.seated), licence=decision.licence, group_value=facts.group_value, modified=now,
        accepted_at=now if status == "active" and not before.accepted_at else before.accepted_at,
        former_name=former_name, version=before.version + 1, doc=doc,
    )  # fmt: skip
    store_change(unit, context, before, after, decision)
    if change.emails is not None:
        _follow_emails(unit, org.id, before, change.emails)
    if facts.group_value != before.group_value or status != before.status:
        follow_mapping(unit, org, before.id, facts.group_value, context.actor, now)
    if status == "deactivated" != before.status and org.profile.deprovisioning.on_deactivate == "delete":
        remove_person(unit, context, after)
    return after


def _renamed(
    org: Organization, before: Person, status: Status, change: PersonChange
) -> tuple[PersonChange, str | None]:
    """The change with the userName that the profile gives, and the name to restore at reactivation."""
    name, former = change.facts.user_name, before.former_name
    if former and status != "deactivated":
        name, former = (former if name.startswith(SCRAMBLED) else name), None
    elif status == "deactivated" != before.status and org.profile.deprovisioning.on_deactivate == "scramble":
        name, former = SCRAMBLED + uuid.uuid4().hex[:12], name
    if name == change.facts.user_name:
        return change, former
    facts, content = replace(change.facts, user_name=name), change.content | {"userName": name}
    return replace(change, facts=facts, content=content), former


def _check_allowed(org: Organization, before: Person, facts: Facts, is_admin: bool) -> None:
    settings = org.profile.deprovisioning
    if not facts.is_active and before.active:
        check_not_protected(org, before)
    if settings.edit_inactive == "refuse" and not before.active and not facts.is_active and not is_admin:
        raise InvalidValueException(detail="A deactivated user cannot be changed; set active first")


def _standing(org: Organization, before: Person, facts: Facts) -> tuple[Status, SeatDecision]:
    """The status after a change, and whether the person holds a seat then."""
    status = next_status(org, facts.is_active, was_accepted=before.accepted_at is not None)
    if before.status == "pending" and facts.is_active:
        status = "pending"
    if takes_seat(org, status) and not before.seated and before.licence == "full":
        checked = before.status != "deactivated" or org.profile.over_capacity.check_on_reactivate
        decision = admit(org, status, is_checked=checked)
        return decision.status or status, decision
    keeps = status == "deactivated" and org.profile.deprovisioning.on_deactivate == "keepSeat"
    seated = bool(before.seated) and (takes_seat(org, status) or keeps)
    return status, SeatDecision(seated=seated, licence=_licence(before.licence))


def _licence(text: str) -> Literal["full", "basic"]:
    return "basic" if text == "basic" else "full"


def _held_back(org: Organization, before: Person, facts: Facts) -> str | None:
    """The new address that waits for confirmation; None for no wait."""
    if org.profile.email_change == "immediate" or facts.email is None or before.email is None:
        return None
    if fold(facts.email) == fold(before.email):
        return None
    return facts.email


def _with_address(model: UserModel, new: str, old: str | None) -> UserModel:
    """`model` with `old` in the place of `new`. A copy: a write may be decided twice on what was sent."""
    copy = model.model_copy(deep=True)
    for mail in copy.emails or ():
        if mail.value == new:
            mail.value = old
    return copy


def _follow_emails(unit: Unit, org_id: str, before: Person, emails: tuple[str, ...]) -> None:
    old = [mail.get("value") for mail in json.loads(before.doc).get("emails", ())]
    if [value for value in old if value] != list(emails):
        rewrite_emails(unit, org_id, before.seq, emails)


def accept(unit: Unit, context: Context, person: Person) -> Person:
    """The person after taking up the invitation; needs a seat if one is taken only now."""
    org, now = context.org, context.now
    if person.status == "deactivated":
        raise MutabilityException(detail="A deactivated person cannot accept an invitation")
    if person.status == "active":
        return person
    decision = SeatDecision(seated=bool(person.seated), licence=_licence(person.licence))
    if not person.seated and person.licence == "full":
        decision = admit(org, "active")
        if decision.status == "pending":
            raise refusal(org)
    after = person._replace(
        status="active",
        seated=int(decision.seated),
        licence=decision.licence,
        accepted_at=now,
        last_active=now,
    )
    store_change(unit, context, person, after, decision)
    return after
