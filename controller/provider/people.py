"""People: their rows, created and deleted in one transaction with seats, groups and journal.

Called by scim (what a client sends), admin (what a person clicks) and changes. Nothing here knows HTTP:
errors are scim2-models' exceptions or seats' refusal. Reads return stored text; see documents.
"""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from typing import NamedTuple

from scim2_models import (
    ForbiddenException,
    InvalidValueException,
    NotFoundException,
    UniquenessException,
)
from sqlalchemy import bindparam, delete, insert, select, update

from controller.provider.casefold import fold
from controller.provider.documents import content_of_model, document
from controller.provider.journal import Actor, Write, entry_values, record
from controller.provider.memberships import follow_mapping, leave_all
from controller.provider.models import UserModel, group_value_of
from controller.provider.optimistic_write import (
    CHANGE_PERSON,
    CREATE_PERSON,
    ROW_VERSION,
    GuardedUnit,
    guard_values,
)
from controller.provider.organizations import CounterChange, Organization, count
from controller.provider.profiles import GROUP_ATTRIBUTE
from controller.provider.seats import OverCapacityError, SeatDecision, Status, admit, capacity, next_status
from controller.provider.statements import Expression, Prepared, Taken, Unit
from controller.provider.tables import people, person_emails, removed_people

LONGEST_KEY = 512  # characters; PostgreSQL indexes 2,704 bytes at most


class Person(NamedTuple):
    """One row of people; `doc` is the stored text."""

    seq: int
    id: str
    user_name: str
    external_id: str | None
    display_name: str | None
    email: str | None
    pending_email: str | None
    active: int
    status: Status
    seated: int
    licence: str
    group_value: str | None
    created: str
    modified: str
    accepted_at: str | None
    last_active: str | None
    former_name: str | None
    version: int
    doc: str


COLUMNS = tuple(people.c[name] for name in Person._fields)
_KEYED: dict[str, Expression] = {
    column.name: bindparam(column.name) for column in people.c if column.name != "seq"
}
_INSERT = Prepared(insert(people).values(_KEYED).returning(people.c.seq))
_ONE = Prepared(
    select(*COLUMNS).where(people.c.org_id == bindparam("org_id"), people.c.id == bindparam("person_id"))
)
_LOCKED = Prepared(
    select(*COLUMNS)
    .where(people.c.org_id == bindparam("org_id"), people.c.id == bindparam("person_id"))
    .with_for_update()
)
_SEEN = Prepared(
    select(*COLUMNS, ROW_VERSION).where(
        people.c.org_id == bindparam("org_id"), people.c.id == bindparam("person_id")
    )
)
_BY_NAME = Prepared(
    select(*COLUMNS).where(
        people.c.org_id == bindparam("org_id"), people.c.user_name_key == bindparam("user_name_key")
    )
)
_UPDATE = Prepared(
    update(people)
    .where(people.c.seq == bindparam("at_seq"))
    .values({name: value for name, value in _KEYED.items() if name not in ("org_id", "id", "created")})
)
_DELETE = Prepared(delete(people).where(people.c.seq == bindparam("at_seq")))
_INSERT_EMAIL = Prepared(
    insert(person_emails).values({column.name: bindparam(column.name) for column in person_emails.c})
)
_DELETE_EMAILS = Prepared(delete(person_emails).where(person_emails.c.person_seq == bindparam("at_seq")))
_KEEP_REMOVED = Prepared(
    insert(removed_people).values(
        {column.name: bindparam(column.name) for column in removed_people.c if column.name != "seq"}
    )
)


@dataclass(frozen=True, slots=True)
class Facts:
    """What rows need to know of a model."""

    user_name: str
    display_name: str | None
    external_id: str | None
    emails: tuple[str, ...]
    email: str | None
    is_active: bool
    group_value: str | None


def check_key(name: str, value: str | None) -> None:
    """Raises 400 for a text that is too long to be looked up by: an index holds it."""
    if value is not None and len(value) > LONGEST_KEY:
        raise InvalidValueException(detail=f"{name} must have at most {LONGEST_KEY} characters")


def facts_of(model: UserModel, was_active: bool = True) -> Facts:
    """The facts of a User model; an absent `active` means as before.

    Raises 400 on an empty userName, and on what is too long.
    """
    user_name = model.user_name or ""
    if not user_name.strip():
        raise InvalidValueException(detail="userName must not be empty")
    mails = [(mail.value, mail.primary) for mail in model.emails or () if mail and mail.value]
    primary = next((mail for mail, is_primary in mails if is_primary), mails[0][0] if mails else None)
    facts = Facts(
        user_name=user_name,
        display_name=model.display_name,
        external_id=model.external_id,
        emails=tuple(mail for mail, _ in mails),
        email=primary,
        is_active=was_active if model.active is None else model.active,
        group_value=group_value_of(model),
    )
    for name, value in (
        ("userName", facts.user_name),
        ("displayName", facts.display_name),
        ("externalId", facts.external_id),
        (GROUP_ATTRIBUTE, facts.group_value),
        *(("emails.value", mail) for mail in facts.emails),
    ):
        check_key(name, value)
    return facts


@dataclass(frozen=True, slots=True)
class Context:
    """Where a write happens: which organization, by whom, when."""

    org: Organization
    actor: Actor
    now: str


def find_person(unit: Unit, org_id: str, person_id: str) -> Person | None:
    """The person, or None."""
    row = unit.one(_ONE, org_id=org_id, person_id=person_id)
    return Person._make(row) if row else None


def find_by_user_name(unit: Unit, org_id: str, user_name: str) -> Person | None:
    """The person with this userName, whatever its case, or None."""
    row = unit.one(_BY_NAME, org_id=org_id, user_name_key=fold(user_name))
    return Person._make(row) if row else None


def lock_person(unit: Unit, org_id: str, person_id: str) -> Person:
    """The person as of now; raises the SCIM 404."""
    if isinstance(unit, GuardedUnit):
        row = unit.see(_SEEN, org_id=org_id, person_id=person_id)
    else:
        row = unit.one(_LOCKED, org_id=org_id, person_id=person_id)
    if row is None:
        raise NotFoundException(detail=f"User {person_id!r} not found")
    return Person._make(row)


def create_person(unit: Unit, context: Context, model: UserModel) -> Person:
    """The person created from `model`. Raises 409 for a taken userName, then OverCapacityError."""
    facts = facts_of(model)
    org, now = context.org, context.now
    model.active = facts.is_active
    person_id = uuid.uuid4().hex
    status = next_status(org, facts.is_active, was_accepted=False)
    try:
        decision = admit(org, status)
    except OverCapacityError:
        if find_by_user_name(unit, org.id, facts.user_name):
            raise taken(facts.user_name) from None
        raise
    status = decision.status or status
    doc = document(content_of_model(model), "User", person_id, (now, now), 1)
    person = Person(
        0, person_id, facts.user_name, facts.external_id, facts.display_name, facts.email, None,
        int(facts.is_active), status, int(decision.seated), decision.licence, facts.group_value, now, now,
        now if status == "active" else None, None, None, 1, doc,
    )  # fmt: skip
    write = Write("person.create", "User", person_id, after=doc)
    if isinstance(unit, GuardedUnit):
        values = _guarded(context, _change(None, person, decision), write) | _values(org.id, person)
        unit.finish(CREATE_PERSON, values | {"mails": [fold(mail) for mail in facts.emails]})
    else:
        person = person._replace(seq=_insert(unit, org.id, person))
        _write_emails(unit, org.id, person.seq, facts.emails)
        count(unit, org.id, _change(None, person, decision))
        record(unit, org.id, write, context.actor, now)
    follow_mapping(unit, org, person_id, facts.group_value, context.actor, now)
    return person


def _guarded(context: Context, change: CounterChange, write: Write) -> dict[str, object]:
    """The parameters of a guarded statement besides those of the person."""
    guards = guard_values(context.org, change, capacity(context.org))
    return {**guards, **entry_values(context.org.id, write, context.actor, context.now)}


def taken(user_name: str) -> UniquenessException:
    """The SCIM 409 for a userName in use."""
    return UniquenessException(detail=f"userName {user_name!r} is taken")


def _insert(unit: Unit, org_id: str, person: Person) -> int:
    try:
        row = unit.one(_INSERT, **_values(org_id, person))
    except Taken as error:
        raise taken(person.user_name) from error
    assert row is not None
    return int(row[0])


def _values(org_id: str, person: Person) -> dict[str, object]:
    values = person._asdict()
    del values["seq"]
    return values | {
        "org_id": org_id,
        "user_name_key": fold(person.user_name),
        "display_name_key": fold(person.display_name),
    }


def _write_emails(unit: Unit, org_id: str, seq: int, emails: tuple[str, ...]) -> None:
    for position, value in enumerate(emails):
        unit.run(_INSERT_EMAIL, person_seq=seq, position=position, org_id=org_id, value_key=fold(value))


def _change(
    before: Person | None, after: Person | None, decision: SeatDecision | None = None
) -> CounterChange:
    """What going from `before` to `after` does to the counters."""

    def seats(person: Person | None) -> tuple[int, int]:
        return (person.seated, int(person.status == "pending")) if person else (0, 0)

    (used_before, pending_before), (used_after, pending_after) = seats(before), seats(after)
    return CounterChange(
        purchased=decision.purchases if decision else 0,
        seats_used=used_after - used_before,
        seats_pending=pending_after - pending_before,
        people_total=int(after is not None) - int(before is not None),
        people_removals=int(after is None),
    )


def check_not_protected(org: Organization, person: Person) -> None:
    """Raises 403 if the profile protects the account, such as the last owner's."""
    names = {fold(name) for name in org.profile.deprovisioning.protected}
    if fold(person.user_name) in names:
        raise ForbiddenException(detail=f"{person.user_name} owns the organization and cannot be removed")


def store_change(
    unit: Unit, context: Context, before: Person, after: Person, decision: SeatDecision | None = None
) -> None:
    """Writes the row of `after`, the counters and the journal."""
    org_id = context.org.id
    values = _values(org_id, after)
    for name in ("org_id", "id", "created"):
        del values[name]
    change = _change(before, after, decision)
    action = "person.update" if before.status == after.status else f"person.{_verb(after.status)}"
    write = Write(action, "User", before.id, _shown(before), _shown(after))
    if isinstance(unit, GuardedUnit):
        values |= _guarded(context, change, write)
        seen = unit.version(before.seq)
        unit.finish(CHANGE_PERSON, values | {"at_seq": before.seq, "seen_version": seen})
        return
    try:
        unit.run(_UPDATE, at_seq=before.seq, **values)
    except Taken as error:
        raise taken(after.user_name) from error
    count(unit, org_id, change)
    record(unit, org_id, write, context.actor, context.now)


def _verb(status: Status) -> str:
    return {"active": "activate", "pending": "invite", "deactivated": "deactivate"}[status]


def _shown(person: Person) -> str:
    """A person in the journal: the stored text, with what the text does not say."""
    extra = {"status": person.status, "pendingEmail": person.pending_email, "lastActive": person.last_active}
    kept = json.dumps({name: value for name, value in extra.items() if value})
    return f'{person.doc[:-1]},"provider":{kept}}}'


def rewrite_emails(unit: Unit, org_id: str, seq: int, emails: tuple[str, ...]) -> None:
    """Makes `emails` the addresses that the person is found by."""
    unit.run(_DELETE_EMAILS, at_seq=seq)
    _write_emails(unit, org_id, seq, emails)


def remove_person(unit: Unit, context: Context, person: Person) -> None:
    """Deletes the person and every membership; raises 403 if the profile protects the account."""
    org = context.org
    check_not_protected(org, person)
    leave_all(unit, org.id, person.id, context.now)
    unit.run(_DELETE_EMAILS, at_seq=person.seq)
    unit.run(_DELETE, at_seq=person.seq)
    if org.profile.deprovisioning.on_delete == "soft":
        unit.run(
            _KEEP_REMOVED,
            org_id=org.id,
            id=person.id,
            user_name=person.user_name,
            removed_at=context.now,
            doc=person.doc,
        )
    count(unit, org.id, _change(person, None))
    record(unit, org.id, Write("person.delete", "User", person.id, person.doc), context.actor, context.now)
