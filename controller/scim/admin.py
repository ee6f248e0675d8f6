"""The admin API of the bundled provider: one organization's settings, tokens, group table, people and seats.

Used by targets.provider_settings, by targets that accept invitations in tests, and by scimctl. A SaaS
without such an API has no AdminClient at all.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from typing import Any

from controller.errors import NotFound, RemoteError, Unavailable, clip
from controller.parsing import as_object, as_text
from controller.scim.shapes import (
    Anything,
    GroupRow,
    IssuedToken,
    Organization,
    PersonRow,
    TableAnswer,
    Token,
)
from controller.transport.calls import Answer, Call, Lane, fill
from controller.transport.failures import error_of_status
from controller.transport.listing import Tally
from controller.transport.session import Session
from controller.transport.typed import misfit

Json = dict[str, Any]

PEOPLE_PAGE = 1000


class AdminClient:
    """One organization. Bodies are the API's own, see docs of the provider's admin API."""

    def __init__(self, session: Session, lane: Lane = Lane.CHANGE) -> None:
        self._session, self.lane = session, lane

    async def organization(self) -> Json:
        """plan, sso, scimEnabled, scimBaseUrl, billing.method, seats.{purchased,used,pending,free},
        profile."""
        return _object(Organization, await self._send("GET", "/organization"))

    async def update_organization(self, change: Json) -> Json:
        """The organization after `change`, a merge patch of it."""
        return _object(Organization, await self._send("PATCH", "/organization", change, repeat=True))

    async def tokens(self) -> list[Json]:
        """Every token that is alive: id, name, scopes, created, expires, lastUsed, lastUserAgent,
        fingerprint; no value."""
        rows = _list(Token, await self._send("GET", "/tokens"), "tokens")
        return [row for row in rows if row.get("alive", True)]

    async def issue_token(self, name: str, scopes: list[str], expires_in: str | int | None = None) -> Json:
        """`{id, token}`; the value is told this once only."""
        body: Json = {"name": name, "scopes": scopes}
        if expires_in is not None:
            body["expiresIn"] = expires_in
        return _object(IssuedToken, await self._send("POST", "/tokens", body))

    async def revoke_token(self, token_id: str) -> None:
        """Ends a token; well if it was gone."""
        try:
            await self._send("DELETE", "/tokens/{id}", ids={"id": token_id})
        except NotFound:
            return

    async def group_mapping(self) -> Json:
        """attribute, entries, createGroups, unmapped."""
        return _object(TableAnswer, await self._send("GET", "/group-mapping"))

    async def preview_group_mapping(self, table: Json) -> tuple[Json, str]:
        """(what saving `table` would do to people, the digest that the save must name); nothing is saved."""
        call = Call("PUT", "/group-mapping", "/group-mapping", {"preview": "true"}, json=table)
        answer = await self._session.send(replace(call, lane=self.lane))
        return _object(Anything, answer), _digest(answer)

    async def save_group_mapping(self, table: Json, digest: str) -> Json:
        """The table as it is saved. Raises Conflict where saving would do something else than the preview."""
        saved = await self._send("PUT", "/group-mapping", table, headers={"if-match": f'"{digest}"'})
        return _object(TableAnswer, saved)

    async def people(self, **query: str) -> list[Json]:
        """People by query, status and group, over all pages."""
        tally = Tally("the provider", "people")
        rows: list[Json] = []
        async for page, size in self._people(query):
            tally.keep_bytes(size)
            rows += map(tally.keep, page)
        return rows

    async def last_active(self) -> dict[str, str]:
        """externalId -> `lastActive` of everybody who is active and has one."""
        tally = Tally("the provider", "people", "spec.provider.admin")
        found: dict[str, str] = {}
        async for page, _ in self._people({"status": "active"}):
            for row in page:
                if row.get("externalId"):
                    key, moment = tally.keep((str(row["externalId"]), str(row.get("lastActive") or "")))
                    found[key] = moment
        return found

    async def _people(self, query: Mapping[str, str]) -> AsyncIterator[tuple[list[Json], int]]:
        """(rows, their bytes) of each page."""
        tally, seen = Tally("admin", "the people of the admin API"), set[str]()
        params: dict[str, str | int] = {**query, "limit": PEOPLE_PAGE}
        while True:
            call = Call("GET", "/people", "/people", params, lane=self.lane, is_listing=True)
            answer = await self._session.send(call)
            rows = _list(PersonRow, answer, "people")
            after = as_text(as_object(answer.body).get("next"))
            tally.page(len(rows))
            yield rows, answer.size
            if not after:
                return
            if after in seen:
                raise Unavailable("the pages of people go in a circle", system="admin", reason="Incomplete")
            seen.add(after)
            params = {**params, "after": after}
            del rows, answer  # while the next page is waited for

    async def edit_person(self, person_id: str, change: Json) -> Json:
        """The person after an edit by hand."""
        return _object(Anything, await self._send("PATCH", "/people/{id}", change, ids={"id": person_id}))

    async def accept(self, person_id: str) -> Json:
        """The person after they accepted their invitation."""
        return _object(Anything, await self._send("POST", "/people/{id}/accept", {}, ids={"id": person_id}))

    async def deactivate(self, person_id: str) -> Json:
        """The person after they were deactivated by hand."""
        return _object(
            Anything, await self._send("POST", "/people/{id}/deactivate", {}, ids={"id": person_id})
        )

    async def groups(self) -> list[Json]:
        """Every group with its count of people."""
        return _list(GroupRow, await self._send("GET", "/groups"), "groups")

    async def buy_seats(self, purchased: int) -> Json:
        """The seats after the purchase; `purchased` is the new total."""
        return _object(
            Anything, await self._send("POST", "/billing/seats", {"purchased": purchased}, repeat=True)
        )

    async def journal(self) -> list[Json]:
        """What was done, newest last."""
        return _list(Anything, await self._send("GET", "/journal"), "entries")

    async def _send(
        self,
        method: str,
        route: str,
        body: Any = None,
        *,
        ids: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        repeat: bool | None = None,
    ) -> Answer:
        path = fill("admin", route, ids or {})
        call = Call(
            method, path, route, json=body, headers=headers or {}, is_idempotent=repeat, lane=self.lane
        )
        return await self._session.send(call)


def token_fingerprint(token: str) -> str:
    """16 hex digits by which the API names a token in its list, where only its holder knows the value."""
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()[:16]


def read_error(call: Call, answer: Answer) -> RemoteError | None:
    """The error for a problem document (RFC 9457); None for 429."""
    if answer.status == 429:
        return None
    body = answer.body if isinstance(answer.body, dict) else {}
    says = body.get("detail") or body.get("title") or answer.text or "no explanation"
    return error_of_status(answer.status)(
        f"the provider's admin API answered {answer.status} to {call.method} {call.route}: "
        f"{clip(str(says), 400)}",
        system="admin",
        status=answer.status,
        code=str(body.get("type") or ""),
        request_id=answer.request_id,
    )


def _object(kind: type, answer: Answer) -> Json:
    if not isinstance(answer.body, dict):
        raise _not_the_api(answer, "it is no object")
    if fault := misfit(kind, answer.body):
        raise _not_the_api(answer, fault)
    return answer.body


def _list(kind: type, answer: Answer, name: str) -> list[Json]:
    """The rows of an answer that is a list, or an object with the list under `name` or `items`."""
    body = answer.body
    if isinstance(body, dict):
        body = body.get(name, body.get("items"))
    if not isinstance(body, list):
        raise _not_the_api(answer, "it is no list")
    for row in body:
        if fault := misfit(kind, row):
            raise _not_the_api(answer, fault)
    return body


def _not_the_api(answer: Answer, fault: str) -> Unavailable:
    return Unavailable(
        f"the answer is not what the admin API gives ({fault}); is admin.baseUrl right?",
        system="admin",
        status=answer.status,
        reason="NotAdminApi",
    )


def _digest(answer: Answer) -> str:
    tag = answer.headers.get("etag", "").removeprefix("W/").strip('"')
    body = answer.body if isinstance(answer.body, dict) else {}
    return tag or as_text(body.get("digest"))
