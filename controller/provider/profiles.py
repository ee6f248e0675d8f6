"""How a SaaS behaves: named profiles, and every setting of one by itself.

Read by people, seats, mapping and admin; nothing else in the provider asks which profile an organization has,
only what a setting says. `rfc7643` is the default for a team's own provider; `calendly` behaves as that
SaaS does (help.calendly.com, articles on SCIM with Okta). What imitates further services is the sandbox's.
"""

from __future__ import annotations

import json
import logging
from functools import lru_cache
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from controller.errors import SpecError

logger = logging.getLogger(__name__)

GROUP_EXTENSION: dict[str, object] = {
    "id": "urn:calendly:scim:schemas:2.0:User",
    "name": "CalendlyUser",
    "description": "The extension whose value decides a person's group.",
    "attributes": [
        {
            "name": "group",
            "type": "string",
            "multiValued": False,
            "caseExact": True,
            "description": "The value that the value -> group table looks up, exact and case-sensitive.",
        }
    ],
}
"""The schema (RFC 7643 section 7) of what mappings look at: Calendly's, which every profile takes."""
GROUP_SCHEMA = str(GROUP_EXTENSION["id"])
GROUP_ATTRIBUTE = f"{GROUP_SCHEMA}:group"


class Attribute(BaseModel):
    """What a SaaS says of an attribute of RFC 7643's User that it takes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    description: str
    required: bool = False
    unique: bool = False


NARROW_USERS: dict[str, dict[str, Attribute]] = {
    "calendly": {
        "userName": Attribute(
            description="Unique, and the e-mail address that the person signs in with.",
            required=True,
            unique=True,
        ),
        "name": Attribute(description="The components of the person's name."),
        "displayName": Attribute(description="The name shown to others."),
        "active": Attribute(description="False frees the seat; the record stays."),
        "emails": Attribute(description="The address invitations go to."),
    },
}
"""Users with fewer attributes than RFC 7643's, by the value of the setting `attributes`."""


Settings = dict[str, object]


class OverCapacity(BaseModel):
    """What happens to a person for whom there is no seat."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True)

    mode: Literal["reject", "downgrade", "autoExpand", "acceptPending"] = Field(
        "reject",
        description="reject: refused; downgrade: created without a seat, as a basic user; autoExpand: a seat "
        "is bought; acceptPending: invited without a seat.",
    )
    status: Literal[400, 402, 403, 409, 422, 429] = Field(403, description="HTTP status of a refusal.")
    scim_type: str | None = Field(None, max_length=64, description="scimType of a refusal.")
    detail: str = Field(
        "Your organization is over capacity: {used} of {purchased} seats are used. {remedy}",
        max_length=500,
        description="Text of a refusal; {purchased}, {used}, {pending}, {billing}, {remedy} are filled in.",
    )
    body: Literal["scim", "json"] = Field("scim", description="A SCIM Error or a plain JSON object.")
    status_as: Literal["string", "number"] = Field("string", description="Type of `status` in the body.")
    retry_after: Literal["none", "seconds", "http-date"] = Field("none", description="Form of Retry-After.")
    retry_after_seconds: int = Field(300, ge=1, le=86_400, description="What Retry-After says.")
    count_on: Literal["create", "accept", "active"] = Field(
        "create", description="When a seat is taken: at the invitation, or when it is accepted."
    )
    grace_count: int = Field(0, ge=0, le=1_000_000, description="People admitted above the seats.")
    grace_percent: int = Field(0, ge=0, le=100, description="The same as a share of the seats, at least 1.")
    check_on_reactivate: bool = Field(True, description="Whether reactivating a person needs a free seat.")


class Deprovisioning(BaseModel):
    """What deactivating and deleting do."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True)

    on_deactivate: Literal["freeSeat", "keepSeat", "delete", "scramble"] = Field(
        "freeSeat", description="freeSeat and keepSeat keep the record; scramble also renames the account."
    )
    on_delete: Literal["purge", "soft"] = Field(
        "purge", description="Whether a deleted record is kept aside."
    )
    edit_inactive: Literal["allow", "refuse"] = Field(
        "allow", description="Whether a deactivated person can be changed other than by reactivation."
    )
    reactivate_on_create: bool = Field(
        False, description="Creating a person who exists but is inactive answers 200 and reactivates."
    )
    protected: tuple[str, ...] = Field(
        (), max_length=100, description="userNames that cannot be deactivated or deleted."
    )


class Profile(BaseModel):
    """Every setting, with the values of `rfc7643` as defaults."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True)

    name: str = "rfc7643"
    attributes: Literal["all", "calendly"] = Field("all", description="Attributes of a User.")
    unknown_attributes: Literal["refuse", "ignore"] = Field(
        "refuse", description="Attributes outside the schemas: 400, or dropped."
    )
    ignored: tuple[str, ...] = Field(("password",), description="Attributes dropped without a word.")
    groups: bool = Field(True, description="Whether there is a Groups endpoint.")
    bulk: bool = Field(True, description="Whether there is a Bulk endpoint.")
    invitations: bool = Field(False, description="People are pending until they accept.")
    email_change: Literal["immediate", "confirm"] = Field(
        "immediate", description="confirm: a changed address waits until it is confirmed."
    )
    needs_plan: bool = Field(False, description="SCIM needs the Enterprise plan and single sign-on.")
    patch_answer: Literal["200", "204"] = Field("200", description="Status of a PATCH of a user.")
    group_patch_answer: Literal["200", "204"] = Field("204", description="Status of a PATCH of a group.")
    entra: bool = Field(True, description="Microsoft Entra's forms of PATCH are understood.")
    max_page_size: int = Field(200, ge=1, le=1000, description="People on one page at most.")
    over_capacity: OverCapacity = OverCapacity()
    deprovisioning: Deprovisioning = Deprovisioning()


PROFILES: dict[str, Settings] = {
    "rfc7643": {},
    "calendly": {
        "attributes": "calendly",
        "ignored": ("password", "groups", "locale"),
        "groups": False,
        "bulk": False,
        "invitations": True,
        "emailChange": "confirm",
        "needsPlan": True,
        "overCapacity": {"mode": "reject"},
        "deprovisioning": {"onDeactivate": "freeSeat", "onDelete": "soft"},
    },
}


@lru_cache(maxsize=256)
def resolve(name: str, overrides: str = "{}") -> Profile:
    """The profile `name` with `overrides`, a JSON object of single settings.

    `overCapacity` and `deprovisioning` in it are objects of single settings too. Raises SpecError naming the
    setting.
    """
    if name not in PROFILES:
        raise SpecError(f"{name!r} is not one of {', '.join(PROFILES)}", field="profile")
    values: Settings = {"name": name, **PROFILES[name]}
    for setting, value in json.loads(overrides).items():
        values[setting] = _merge(setting, values.get(setting, {}), value)
    try:
        return Profile.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        raise SpecError(first["msg"], field="overrides." + ".".join(map(str, first["loc"]))) from None


def _merge(setting: str, base: object, value: object) -> object:
    if setting not in ("overCapacity", "deprovisioning"):
        return value
    if not isinstance(value, dict):
        raise SpecError("is an object of settings", field=f"overrides.{setting}")
    return {**base, **value} if isinstance(base, dict) else value


@lru_cache(maxsize=256)
def resolve_stored(name: str, overrides: str) -> Profile:
    """As `resolve`, for what a database has: settings that this version does not know, because an older or a
    newer one stored them, are left out and named in the log. An organization is never locked out by them.
    """
    kept = json.loads(overrides)
    while True:
        try:
            return resolve(name, json.dumps(kept, sort_keys=True))
        except SpecError as error:
            setting = error.field.removeprefix("overrides.").partition(".")[0]
            if setting not in kept:
                raise
            del kept[setting]
            facts = {"profile": name, "setting": setting, "why": error.message}
            logger.warning("a stored setting is left out", extra={"facts": facts})
