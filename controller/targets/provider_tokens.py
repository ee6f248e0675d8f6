"""Carries out the two steps of a token's rotation that write: a new one into its Secret, an old one's end.

Used by provider_settings. The order is what makes it safe to be killed at any point: that the Secret may be
written is asked before anything is issued; the new token is tested before it is stored; storing it and noting
which one it replaces is one write; and before an old one is ended the Secrets are read once more. A failure
leaves the old token as it was.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from pydantic import SecretStr

from controller.api.meta import REPLACED_TOKEN
from controller.errors import Conflict, Rejected, RemoteError, clip
from controller.model.actions import Action
from controller.outside_text import remember
from controller.planning.base.desired import Desired, TokenPlace
from controller.scim.admin import AdminClient, Json, token_fingerprint
from controller.scim.client import Tested
from controller.targets.base import SecretStore
from controller.targets.order import Written

SCOPES = ["scim"]
Test = Callable[[SecretStr], Awaitable[Tested]]
"""Tries a token at the provider as Okta's "Test API credentials" does."""


@dataclass(frozen=True, slots=True)
class TokenDesk:
    """Issues and revokes the tokens of one integration."""

    admin: AdminClient
    store: SecretStore | None
    """None where nothing may be written, as for `scimctl plan`."""
    test: Test

    async def issue(self, desired: Desired, action: Action) -> Written:
        """A tested token in the Secret of its place. Raises RemoteError; then the old one is what it was."""
        place = _place(desired, action.subject)
        note = {REPLACED_TOKEN: action.remote_id or None}
        await self._store.check(desired.namespace, place.secret, place.key, note)
        lifetime = dict(action.after)["lifetimeSeconds"]
        issued = await self.admin.issue_token(place.token_name, SCOPES, int(str(lifetime)))
        token_id, token = str(issued["id"]), SecretStr(str(issued["token"]))
        remember(token.get_secret_value())
        tested = await self.test(token)
        if not tested.ok:
            await self._give_up(token_id)
            raise Rejected(
                f"the new token was revoked, the old one stays: its test failed: {clip(tested.cause, 300)}",
                system="SCIM",
                reason="NewTokenRefused",
            )
        await self._store.put(desired.namespace, place.secret, place.key, token, note)
        return Written(token_id)

    async def issue_fault(self, desired: Desired, action: Action, written: Written) -> str:
        """What is not as it should be after `issue`, or ""."""
        place = _place(desired, action.subject)
        values = await self._store.read(desired.namespace, place.secret)
        held = fingerprint_of(values.get(place.key))
        row = await self._row(written.remote_id)
        if row is None:
            return "the provider does not list the new token"
        return "" if row.get("fingerprint") == held else f"the Secret {place.secret} holds another token"

    async def revoke(self, desired: Desired, action: Action) -> None:
        """Ends a token that no Secret of this integration holds. Raises Conflict where one does."""
        row = await self._row(action.subject)
        if row is not None:
            await self._refuse_where_held(desired, str(row.get("fingerprint") or ""))
        await self.admin.revoke_token(action.subject)

    async def revoke_fault(self, action: Action) -> str:
        """What is not as it should be after `revoke`, or ""."""
        return "the token is still alive" if await self._row(action.subject) is not None else ""

    @property
    def _store(self) -> SecretStore:
        if self.store is None:
            raise Rejected("Secrets are not written here", system="Kubernetes", reason="ReadOnly")
        return self.store

    async def _row(self, token_id: str) -> Json | None:
        return next((row for row in await self.admin.tokens() if row.get("id") == token_id), None)

    async def _give_up(self, token_id: str) -> None:
        try:
            await self.admin.revoke_token(token_id)
        except RemoteError:
            return  # the next run finds it among those that no Secret holds

    async def _refuse_where_held(self, desired: Desired, fingerprint: str) -> None:
        rotation = desired.rotation
        for place in rotation.places if rotation is not None else ():
            for name in {place.secret, place.used_secret}:
                values = await self._store.read(desired.namespace, name)
                if fingerprint and fingerprint_of(values.get(place.key)) == fingerprint:
                    raise Conflict(
                        f"the Secret {name} holds this token now, so that it is not revoked",
                        system="Kubernetes",
                    )


def fingerprint_of(value: SecretStr | None) -> str:
    """The fingerprint of what a Secret holds, "" for nothing."""
    text = value.get_secret_value().strip() if value is not None else ""
    return token_fingerprint(text) if text else ""


def _place(desired: Desired, holder: str) -> TokenPlace:
    places = desired.rotation.places if desired.rotation is not None else ()
    return next(place for place in places if place.holder == holder)
