"""How a SaaS behaves, by the name of a profile with single settings overridden.

Called by desired. The bundled provider has profiles of the same names on its own side; these say what the
operator has to expect and what it may send.
"""

from __future__ import annotations

from controller.api.provider import ProviderProfile
from controller.planning.base.desired import Profile

CALENDLY_URN = "urn:calendly:scim:schemas:2.0:User"
TARGET_PATHS = {
    "givenName": "name.givenName",
    "familyName": "name.familyName",
    "email": "emails[primary]",
    "displayName": "displayName",
}
"""SCIM paths of the targets that every profile knows (RFC 7643 s4.1)."""
DEFAULT_SOURCES = {
    "givenName": "user.firstName",
    "familyName": "user.lastName",
    "email": "user.email",
    "displayName": "user.displayName",
}
"""The attributes of an integration that lists none."""

_PROFILES = {
    "calendly": Profile(
        "calendly",
        frozenset({*TARGET_PATHS.values(), f"{CALENDLY_URN}:group"}),
        defers=frozenset({"userName", "emails[primary]"}),
        invites=True,
        serves_groups=False,
    ),
    "generic": Profile("generic", None),
    "rfc7643": Profile("rfc7643", None, patch="Path"),
}
GROUP_ATTRIBUTES = {"calendly": ("Calendly group", "calendlyGroup", "group", CALENDLY_URN)}
"""Profile -> title, variable name, external name and namespace of its own group attribute."""


def build_profile(spec: ProviderProfile) -> Profile:
    """The profile that `spec` names, with its overrides."""
    base, over = _PROFILES[spec.name], spec.overrides
    if over is None:
        return base
    paths = base.allowed_paths if over.allowed_paths is None else frozenset(over.allowed_paths)
    return Profile(
        base.name,
        paths,
        base.keeps_external_id if over.external_id is None else over.external_id == "Kept",
        over.patch or base.patch,
        base.defers if over.deferred_paths is None else frozenset(over.deferred_paths),
        over.page_size or base.page_size,
        base.invites if over.new_accounts is None else over.new_accounts == "Invited",
        over.resend_after.timedelta if over.resend_after is not None else base.resend_after,
        base.serves_groups,
    )
