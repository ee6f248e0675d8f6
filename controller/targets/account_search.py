"""Looks for the accounts of single people: by the id that is known, by userName where none is.

Used by provider_people for small runs. A filter is never believed for an absence: an account that was listed
before is asked for by its id, and only a name that nobody bore then is looked for by filter. What a provider
cannot answer singly is left to a complete listing.
"""

from __future__ import annotations

from collections.abc import Callable

from controller.errors import NotFound, Rejected, RemoteError, Unavailable
from controller.model.people import Account, OktaId, ScimId
from controller.scim.client import Json, ScimClient
from controller.scim.failures import ForeignNotFound
from controller.targets.base import Sought

NOT_IMPLEMENTED = 501


class AccountSearch:
    """What one run has found so far."""

    def __init__(self, client: ScimClient, parse: Callable[[Json], Account]) -> None:
        self._client, self._parse = client, parse
        self.found: dict[ScimId, Account] = {}
        self.absent: set[ScimId] = set()
        self.unsure: set[OktaId] = set()

    async def look_for(self, sought: Sought) -> None:
        """Adds the accounts of one person, or that nothing is known for certain."""
        present = [await self._read(scim_id, sought) for scim_id in sought.known]
        if sought.user_name and not any(present):
            await self._search(sought)

    async def _read(self, scim_id: ScimId, sought: Sought) -> bool:
        """Whether the account is there; a 404 that is not the provider's own proves nothing."""
        if scim_id in self.found:
            return True
        try:
            account = self._parse(await self._client.user(scim_id))
        except ForeignNotFound:
            self.unsure.add(sought.okta_id)
            return True
        except NotFound as error:
            await self._client.proves_absence(scim_id, error)
            self.absent.add(scim_id)
            return False
        if account.scim_id != scim_id:
            raise Unavailable(
                f"the provider answered with another user than {scim_id[:64]}",
                system="SCIM",
                reason="NotScim",
            )
        self.found[scim_id] = account
        return True

    async def _search(self, sought: Sought) -> None:
        try:
            rows = await self._client.find("userName", sought.user_name)
        except RemoteError as error:
            if not _is_about_filter(error):
                raise
            self.unsure.add(sought.okta_id)
            return
        for account in map(self._parse, rows):
            self.found[account.scim_id] = account


def _is_about_filter(error: RemoteError) -> bool:
    """Whether a provider that is well does not take the question."""
    is_ignored = isinstance(error, Unavailable) and error.reason == "FilterIgnored"
    return is_ignored or isinstance(error, Rejected) or error.status == NOT_IMPLEMENTED
