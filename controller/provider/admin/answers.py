"""What the admin API answers, as models, and how each is made of rows; the OpenAPI document shows them.

Called by the admin API's handlers and by the console's screens, which show the same facts.
"""

from __future__ import annotations

import json
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from controller.provider.journal import entry_of
from controller.provider.mapping import MappingTable, Unmapped
from controller.provider.organizations import BillingMethod, Organization, PlanName
from controller.provider.people import Person
from controller.provider.preview import SHOWN, Preview
from controller.provider.profiles import PROFILES
from controller.provider.seats import REMEDIES, Status
from controller.provider.statements import Row
from controller.provider.tokens import SCOPES, Token

Time = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
Count = Annotated[int, Field(ge=0)]
ProfileName = Annotated[str, Field(json_schema_extra={"enum": list(PROFILES)})]
Scope = Annotated[str, Field(json_schema_extra={"enum": list(SCOPES)})]
Next = Annotated[str | None, Field(exclude_if=lambda value: value is None)]
"""Where the next page starts; absent on the last one."""


class Answer(BaseModel):
    """Members by the names of the API."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True, serialize_by_alias=True
    )


class PersonAnswer(Answer):
    """A person. `group` is the first of `groups`; `groupValue` is what the identity provider sent."""

    id: str
    user_name: str
    display_name: str | None
    given_name: str | None
    family_name: str | None
    email: str | None
    pending_email: str | None
    external_id: str | None
    active: bool
    status: Status
    seat: bool
    licence: Literal["full", "basic"]
    group: str | None
    groups: list[str]
    group_value: str | None
    created: Time
    last_modified: Time
    accepted_at: Time | None
    last_active: Time | None
    version: Count


class PeopleAnswer(Answer):
    """A page of people, and how many there are on all pages."""

    people: list[PersonAnswer]
    total: Count
    next: Next = None


class GroupAnswer(Answer):
    """A group, with its number of members."""

    id: str
    display_name: str
    external_id: str | None
    members: Count
    created: Time
    last_modified: Time


class GroupsAnswer(Answer):
    """Every group."""

    groups: list[GroupAnswer]
    total: Count


class TokenAnswer(Answer):
    """A token; its secret is not known any more."""

    id: str
    name: str
    scopes: list[Scope]
    created: Time
    created_by: str
    expires: Time | None
    revoked: Time | None
    alive: bool
    last_used: Time | None
    last_user_agent: str | None
    fingerprint: str


class TokensAnswer(Answer):
    """Every token, dead ones too."""

    tokens: list[TokenAnswer]


class IssuedToken(Answer):
    """A new token: the only answer that has its secret, in `token`."""

    id: str
    token: str
    name: str
    scopes: list[Scope]


class Billing(Answer):
    """How seats are paid for, and what to do when there are none left."""

    method: BillingMethod
    remedy: str


class Seats(Answer):
    """Seats by what they are."""

    purchased: Count
    used: Count
    pending: Count
    free: Count


class OrganizationAnswer(Answer):
    """The organization: its settings and its counters."""

    id: str
    name: str
    plan: PlanName
    sso: bool
    scim_enabled: bool
    scim_base_url: str
    billing: Billing
    seats: Seats
    people: Count
    groups: Count
    mapping_active: bool
    profile: ProfileName
    overrides: dict[str, object]
    created: Time


class EntryAnswer(Answer):
    """An entry of the journal."""

    seq: Count
    at: Time
    actor: str
    action: str
    resource: str
    resource_id: str
    before: dict[str, object] | None
    after: dict[str, object] | None
    request_id: str


class JournalAnswer(Answer):
    """A page of the journal, newest first."""

    entries: list[EntryAnswer]
    next: Next = None


class MatchedValue(Answer):
    """A value of the table and how many people have it."""

    value: str
    group: str
    people: Count


class UnmatchedValue(Answer):
    """A value that people have and that is missing in the table."""

    value: str
    people: Count


class MovedPerson(Answer):
    """Somebody whose groups change."""

    id: str
    user_name: str
    before: list[str]
    after: list[str]


class Effect(Answer):
    """Whose groups change: how many, and the first of them."""

    changed: Count
    people: list[MovedPerson]


class PreviewAnswer(Answer):
    """What saving a table would do; `digest` names it."""

    digest: str
    matched: list[MatchedValue]
    unmatched: list[UnmatchedValue]
    without_value: Count
    unmapped: Unmapped
    groups_to_create: list[str]
    missing_groups: list[str]
    effect: Effect


class MappingAnswer(MappingTable):
    """The table in force; after saving also what that did."""

    active: bool
    saved: Annotated[PreviewAnswer | None, Field(exclude_if=lambda value: value is None)] = None


def person_answer(person: Person, group_names: list[str]) -> PersonAnswer:
    """A person who is in the groups of these names."""
    name = json.loads(person.doc).get("name", {})
    return PersonAnswer(
        id=person.id,
        user_name=person.user_name,
        display_name=person.display_name,
        given_name=name.get("givenName"),
        family_name=name.get("familyName"),
        email=person.email,
        pending_email=person.pending_email,
        external_id=person.external_id,
        active=bool(person.active),
        status=person.status,
        seat=bool(person.seated),
        licence="basic" if person.licence == "basic" else "full",
        group=group_names[0] if group_names else None,
        groups=group_names,
        group_value=person.group_value,
        created=person.created,
        last_modified=person.modified,
        accepted_at=person.accepted_at,
        last_active=person.last_active,
        version=person.version,
    )


def token_answer(token: Token, now: str) -> TokenAnswer:
    """A token as of `now`."""
    return TokenAnswer(
        id=token.id,
        name=token.name,
        scopes=sorted(token.scopes),
        created=token.created,
        created_by=token.created_by,
        expires=token.expires,
        revoked=token.revoked,
        alive=token.is_alive(now),
        last_used=token.last_used,
        last_user_agent=token.last_agent,
        fingerprint=token.fingerprint,
    )


def organization_answer(org: Organization, origin: str) -> OrganizationAnswer:
    """The organization, whose SCIM is below `origin`."""
    return OrganizationAnswer(
        id=org.id,
        name=org.name,
        plan=org.plan,
        sso=org.sso,
        scim_enabled=org.scim_enabled,
        scim_base_url=f"{origin}/scim/v2/{org.id}",
        billing=Billing(method=org.billing_method, remedy=REMEDIES[org.billing_method]),
        seats=Seats(
            purchased=org.purchased, used=org.seats_used, pending=org.seats_pending, free=org.seats_free
        ),
        people=org.people_total,
        groups=org.groups_total,
        mapping_active=org.mapping.is_on,
        profile=org.profile.name,
        overrides=json.loads(org.overrides),
        created=org.created,
    )


def entry_answer(row: Row) -> EntryAnswer:
    """A row of the journal."""
    return EntryAnswer.model_validate(entry_of(row))


def preview_answer(preview: Preview) -> PreviewAnswer:
    """A preview; lists of people are cut, counts are not."""
    table, known = preview.mapping.table, preview.people
    matched = [
        MatchedValue(value=value, group=entry.group, people=known.get(value, 0))
        for entry in table.entries
        for value in entry.values
    ]
    unmatched = [
        UnmatchedValue(value=value, people=number)
        for value, number in known.most_common()
        if not preview.mapping.matches(value)
    ]
    moved = [
        MovedPerson(
            id=move.person_id, user_name=move.user_name, before=list(move.before), after=list(move.after)
        )
        for move in preview.moves[:SHOWN]
    ]
    creates = table.create_groups == "WhenMissing"
    return PreviewAnswer(
        digest=preview.digest,
        matched=matched,
        unmatched=unmatched,
        without_value=preview.without_value,
        unmapped=table.unmapped,
        groups_to_create=preview.missing if creates else [],
        missing_groups=[] if creates else preview.missing,
        effect=Effect(changed=len(preview.moves), people=moved),
    )


def mapping_answer(org: Organization, saved: PreviewAnswer | None = None) -> MappingAnswer:
    """The table in force; `saved` is what has just been done."""
    return MappingAnswer(**dict(org.mapping.table), active=org.mapping.is_on, saved=saved)
