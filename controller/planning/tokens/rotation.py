"""Tokens at the provider: which one is due, what has to be done before the old one may go, and their status.

Called by desired (what should be), make_plan (what to do) and status. One rotation is a run of small steps,
each decided anew from what is read: a new token is issued, tested and put into its Secret; it is seen in
use; only then, and once nobody has used the old one for minOverlap, the old one is revoked. Which token a
Secret holds is told by its fingerprint, so that nothing depends on a note that a crash might have kept from
being made. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from controller.api.meta import SecretKeyRef
from controller.model.actions import Action, ActionKind, Touch
from controller.model.actual import Actual, HeldTokens, ProviderState, Token
from controller.planning.base.desired import Desired, DesiredRotation, TokenPlace
from controller.planning.base.digest import step_digest
from controller.planning.base.inputs import Inputs, SecretNote
from controller.planning.base.setting_drift import Found
from controller.planning.okta.manual_steps import is_connected
from controller.planning.tokens.manual_steps import carry_step, enter_step, still_used_step

SPARE = timedelta(days=30)
"""An issued token outlives its time of rotation by `every`, and by this much at least: a rotation that waits
for a person has that long before anything stops, the alert tells in between, and a token that was forgotten
somewhere does not live for ever."""
OUR_AGENT, OKTA_AGENT = "scim-operator", "okta"
"""How the user agents of the two holders are told apart (Okta: `Okta SCIM Client 1.0.0`)."""
MAX_NAME = 100
ALIVE = 2
"""Tokens of one place that may be alive at once."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def build_rotation(inputs: Inputs) -> DesiredRotation | None:
    """spec.provider.tokenRotation with the places of the tokens; None without it."""
    spec = inputs.integration.spec.provider
    rotation = spec.token_rotation
    if rotation is None or inputs.integration.is_deleting:
        return None
    own, okta = spec.auth.secret_ref, spec.okta_token_ref
    issued = SecretKeyRef(name=rotation.issue_to.name, key=own.key)
    places = []
    if spec.auth.type == "Bearer":
        places.append(_place(inputs, "operator", issued, own.name, "spec.provider.tokenRotation.issueTo"))
    if okta is not None and inputs.integration.spec.provisioning.by == "Okta":
        places.append(_place(inputs, "okta", okta, okta.name, "spec.provider.oktaTokenRef"))
    return DesiredRotation(rotation.every.timedelta, rotation.min_overlap.timedelta, tuple(places))


def _place(
    inputs: Inputs, holder: Literal["operator", "okta"], ref: SecretKeyRef, used: str, field: str
) -> TokenPlace:
    integration = inputs.integration
    note = inputs.secret_notes.get((integration.namespace, ref.name), SecretNote())
    mark = step_digest(integration.namespace, integration.name, integration.uid, holder)
    name = f"{holder} {integration.namespace}/{integration.name}"[:MAX_NAME]
    return TokenPlace(
        holder, f"{name} {mark}", ref.name, ref.key, used, field, note.owner, note.replaced_token
    )


@dataclass(frozen=True, slots=True)
class Standing:
    """How one place stands; tokens that are alive."""

    place: TokenPlace
    stored: Token | None
    """In the Secret that issued tokens go to."""
    used: Token | None
    """In the Secret out of which it is used."""
    others: tuple[Token, ...]
    """Ours and in neither: predecessors, and what a run that was killed has left."""

    @property
    def present(self) -> Token | None:
        """The newest one that somebody holds."""
        return self.stored or self.used

    @property
    def is_carried(self) -> bool:
        """Whether what is stored is what is used."""
        return self.stored is not None and self.stored == self.used

    @property
    def old(self) -> tuple[Token, ...]:
        """What the present one replaces, the token still in use included while the new one is not carried
        over."""
        left = (self.used,) if self.used is not None and self.stored not in (None, self.used) else ()
        return tuple(token for token in (*left, *self.others) if not self._is_lost(token))

    @property
    def lost(self) -> tuple[Token, ...]:
        """Issued by a run that was killed before the token was stored: nobody has its value."""
        return tuple(token for token in self.others if self._is_lost(token))

    def _is_lost(self, token: Token) -> bool:
        if token.name != self.place.token_name or token is self.used:
            return False
        if token.last_used is not None and OUR_AGENT not in token.last_user_agent.lower():
            return False
        present = self.present
        return token.last_used is None if present is None else _born(token) > _born(present)


def standings(rotation: DesiredRotation, provider: ProviderState) -> tuple[Standing, ...]:
    """How each place stands."""
    return tuple(_standing(place, provider) for place in rotation.places)


def _standing(place: TokenPlace, provider: ProviderState) -> Standing:
    tokens, held = provider.tokens or (), provider.held
    is_own = place.holder == "operator"
    stored = find_token(tokens, held.issued if is_own else held.okta)
    used = find_token(tokens, held.operator if is_own else held.okta)
    others = tuple(
        token
        for token in tokens
        if token not in (stored, used)
        and (token.name == place.token_name or token.token_id == place.replaced)
    )
    return Standing(place, stored, used, others)


def find_token(tokens: Iterable[Token], fingerprint: str) -> Token | None:
    """The token of that fingerprint; None where it is not alive or nothing is held."""
    return next((token for token in tokens if fingerprint and token.fingerprint == fingerprint), None)


def lacks_token(desired: Desired, provider: ProviderState) -> bool:
    """Whether the operator's own token is dead or missing and a new one can be issued: until then the
    provider's listing of people says nothing."""
    if desired.rotation is None or provider.probe.ok or not _can_tell(provider):
        return False
    may_write = any(
        place.holder == "operator" and not place.owner and place.secret == place.used_secret
        for place in desired.rotation.places
    )
    return may_write and find_token(provider.tokens or (), provider.held.operator) is None


def _can_tell(provider: ProviderState) -> bool:
    """Whether the admin API tells fingerprints. Its own token is among those listed, so that there is one."""
    return any(token.fingerprint for token in provider.tokens or ())


def plan_rotation(desired: Desired, actual: Actual, found: Found) -> None:
    """Adds the next step of each rotation, as actions, problems or steps for a person."""
    rotation, provider = desired.rotation, actual.provider
    if rotation is None or provider.tokens is None:
        return
    if not _can_tell(provider):
        words = "the admin API tells no fingerprints of tokens, so that none is rotated; update the provider"
        found.problem(desired, "TokensNotTold", words, "spec.provider.tokenRotation")
        return
    if all(place.holder != "operator" for place in rotation.places):
        words = "provider.auth.type is not Bearer, and nothing but bearer tokens is rotated; remove it"
        found.problem(desired, "InvalidSpec", words, "spec.provider.tokenRotation")
    for standing in standings(rotation, provider):
        place = standing.place
        if place.owner:
            words = (
                f"the Secret {place.secret} is kept by {place.owner}, so that it is not written and no token "
                "is rotated; name a Secret that nothing else keeps"
            )
            found.problem(desired, "SecretOwnedByOther", words, place.field)
        else:
            _plan_place(desired, actual, found, rotation, standing)


def _plan_place(
    desired: Desired, actual: Actual, found: Found, rotation: DesiredRotation, standing: Standing
) -> None:
    now = actual.provider.probe.at
    if standing.lost:
        found.actions += [_revoke(token, _LOST) for token in standing.lost]
        found.goes_on = True
    if _is_time_to_issue(rotation, standing, now):
        found.actions.append(_issue(rotation, standing, now))
        return
    _plan_takeover(desired, actual, found, standing)
    new = _seen_in_use(actual, standing)
    if new is None:
        return
    for token in standing.old:
        overlap_ends = _born(new) + rotation.min_overlap
        if now >= overlap_ends and _is_idle(token, now, rotation.min_overlap):
            found.actions.append(_revoke(token, _REPLACED))
        elif token.last_used is not None and token.last_used >= overlap_ends:
            found.step(still_used_step(standing.place, token))


# Issuing.


def due_at(rotation: DesiredRotation, token: Token) -> datetime | None:
    """When `token` is to be replaced: by its age, or in time before it expires. None: at once."""
    if token.created is None:
        return None
    by_age = token.created + rotation.every
    return by_age if token.expires is None else min(by_age, token.expires - rotation.min_overlap)


def _is_time_to_issue(rotation: DesiredRotation, standing: Standing, now: datetime) -> bool:
    """Two tokens of a place are alive at most; so one is issued only where no other one is left over."""
    if standing.lost:
        return False
    present = standing.present
    if present is None:
        return len(standing.old) < ALIVE
    due = due_at(rotation, present)
    return not standing.old and (due is None or now >= due)


def _issue(rotation: DesiredRotation, standing: Standing, now: datetime) -> Action:
    place, present = standing.place, standing.present
    replaced = present or next(iter(standing.old), None)
    lifetime = round((rotation.every + max(rotation.every, SPARE)).total_seconds())
    return Action(
        ActionKind.ISSUE_TOKEN,
        place.holder,
        f"{place.secret}/{place.key}",
        Touch.SETTING,
        (("token", replaced.name if replaced is not None else None),),
        (("token", place.token_name), ("lifetimeSeconds", lifetime)),
        _why_issue(place, present, now),
        remote_id=replaced.token_id if replaced is not None else "",
    )


def _why_issue(place: TokenPlace, present: Token | None, now: datetime) -> str:
    if present is None:
        return f"the Secret {place.secret} holds no token that the provider takes"
    if present.created is None:
        return "the age of the token is not known"
    age = (now - present.created) // timedelta(days=1)
    ends = f", expires {present.expires:%Y-%m-%d}" if present.expires is not None else ""
    return f"the token is {age} days old{ends}; it stays until the new one is in use"


# From the old one to the new one.


def _plan_takeover(desired: Desired, actual: Actual, found: Found, standing: Standing) -> None:
    """What brings a stored token to its user: nothing for ourselves, an API or a person for Okta."""
    place, stored = standing.place, standing.stored
    if stored is None:
        return
    if not standing.is_carried:
        found.step(carry_step(place))
    elif place.holder == "okta" and stored.name == place.token_name and not _used_by_okta(stored):
        _give_to_okta(desired, actual, found, place, stored)


def _give_to_okta(desired: Desired, actual: Actual, found: Found, place: TokenPlace, stored: Token) -> None:
    app = actual.app
    if app.connection_status not in ("ENABLED", "DISABLED"):
        if is_connected(actual):  # else the step that sets up the connection asks for this token
            found.step(enter_step(desired, app, place, stored))
    elif not any(action.kind is ActionKind.ENABLE_CONNECTION for action in found.actions):
        found.actions.append(
            Action(
                ActionKind.ENABLE_CONNECTION,
                app.app_id,
                app.label,
                Touch.SETTING,
                (("baseUrl", app.connection_url or None), ("token", None)),
                (("baseUrl", desired.base_url), ("token", stored.token_id)),
                f"Okta has not used the new token of the Secret {place.secret} yet",
            )
        )


def _seen_in_use(actual: Actual, standing: Standing) -> Token | None:
    """The stored token, where the provider has seen it from the one who is to use it; else None."""
    token = standing.stored
    if token is None or not standing.is_carried or token.last_used is None:
        return None
    is_seen = _used_by_okta(token) if standing.place.holder == "okta" else actual.provider.probe.ok
    return token if is_seen else None


def _used_by_okta(token: Token) -> bool:
    return token.last_used is not None and OKTA_AGENT in token.last_user_agent.lower()


# Revoking.

_LOST = "a run that issued it was ended before it was stored: nobody has its value"
_REPLACED = "it was replaced, the new one is in use, and nobody has used this one since"


def _is_idle(token: Token, now: datetime, overlap: timedelta) -> bool:
    """Whether nobody has used `token` for as long as the overlap."""
    return token.last_used is None or now - token.last_used >= overlap


def _revoke(token: Token, why: str) -> Action:
    return Action(
        ActionKind.REVOKE_TOKEN,
        token.token_id,
        token.name,
        Touch.SETTING,
        (("token", token.name),),
        (("token", None),),
        why,
    )


def _born(token: Token) -> datetime:
    """When it was issued; long ago where the API does not tell."""
    return token.created if token.created is not None else _EPOCH


# What status tells.


@dataclass(frozen=True, slots=True)
class TokenTimes:
    """The times of status.token."""

    expiry: datetime | None = None
    okta_expiry: datetime | None = None
    last_rotation: datetime | None = None
    next_rotation: datetime | None = None


def token_times(desired: Desired, provider: ProviderState) -> TokenTimes:
    """What is known of the tokens that the Secrets hold; without an admin API nothing is."""
    tokens: Sequence[Token] = provider.tokens or ()
    held: HeldTokens = provider.held
    own, okta = find_token(tokens, held.operator), find_token(tokens, held.okta)
    last = following = None
    if desired.rotation is not None:
        present = [s for s in standings(desired.rotation, provider) if s.present is not None]
        made = [s.stored.created for s in present if s.stored and s.stored.name == s.place.token_name]
        last = max((moment for moment in made if moment is not None), default=None)
        due = [due_at(desired.rotation, s.present) for s in present if s.present is not None]
        following = min((moment for moment in due if moment is not None), default=None)
    return TokenTimes(
        own.expires if own is not None else None, okta.expires if okta is not None else None, last, following
    )
