"""Who may come in: the bearer token of a request, its organization, and what the token opens.

Called first by scim and admin. Every wrong token is answered alike and after the same work; repeated ones
from one address have to wait. What is logged never has the token in it.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from controller.clock import Clock
from controller.provider.bugs import note_bug
from controller.provider.database import Database
from controller.provider.documents import moment_text
from controller.provider.http import Request
from controller.provider.journal import Actor
from controller.provider.organizations import Organization
from controller.provider.outages import Refusal
from controller.provider.tokens import (
    USE_RESOLUTION_SECONDS,
    Throttle,
    Token,
    find_token,
    is_worth_noting,
    note_use,
)

logger = logging.getLogger(__name__)
Area = Literal["scim", "admin"]


class Denied(Exception):
    """The request is not let in. `retry_after` seconds are 0 if waiting does not help."""

    def __init__(self, status: int, detail: str, retry_after: int = 0) -> None:
        self.status, self.detail, self.retry_after = status, detail, retry_after
        super().__init__(detail)


@dataclass(frozen=True, slots=True)
class Caller:
    """A token that was let in, and its organization as of now."""

    token: Token
    org: Organization
    actor: Actor


class Gate:
    """Lets requests in by their bearer token."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock
        self._throttle = Throttle(clock)
        self._noting: set[asyncio.Task[None]] = set()

    async def admit(self, request: Request, org_id: str, area: Area, *, writes: bool) -> Caller:
        """The caller; raises Denied with 401, 403 or 429."""
        secret = bearer(request)
        found = None
        if secret is not None:
            found = await self._database.read(
                lambda unit: find_token(unit, org_id, secret), lane=lane_of(request)
            )
        now = moment_text(self._clock)
        if found is None or not found[0].is_alive(now):
            raise self._refused(request, org_id, has_token=secret is not None)
        token, org = found
        if not token.may(area, writes=writes):
            verb = "write" if writes else "read"
            raise Denied(
                403, f"This token may not {verb} here; its scopes are {', '.join(sorted(token.scopes))}"
            )
        self._note(token, request, now)
        return Caller(token, org, Actor(token.name, token.id, request.request_id))

    def _refused(self, request: Request, org_id: str, *, has_token: bool) -> Denied:
        if not has_token:
            return Denied(401, "A bearer token is needed: Authorization: Bearer <token>")
        wait = self._throttle.failed(request.address)
        facts = {"organization": org_id[:64], "address": request.address, "request": request.request_id}
        logger.warning("a token was refused", extra={"facts": facts})
        if wait:
            return Denied(429, f"Too many wrong tokens; wait {wait} seconds", wait)
        return Denied(401, "The token is unknown, expired or revoked")

    def _note(self, token: Token, request: Request, now: str) -> None:
        """Remembers the use of the token, without making the request wait for it."""
        agent = request.header("user-agent") or ""
        earlier = self._clock.now() - timedelta(seconds=USE_RESOLUTION_SECONDS)
        if not is_worth_noting(token, agent, now, earlier.strftime("%Y-%m-%dT%H:%M:%S.%fZ")):
            return
        task = asyncio.create_task(self._write_use(token, agent, now, lane_of(request)))
        self._noting.add(task)
        task.add_done_callback(self._noting.discard)

    async def _write_use(self, token: Token, agent: str, now: str, lane: str) -> None:
        try:
            await self._database.write(lambda unit: note_use(unit, token, agent, now), lane=lane)
        except Refusal:
            return  # the database has been reported by the request itself
        except Exception as error:
            note_bug(error, "the use of a token")

    async def close(self) -> None:
        """Waits for what is still being noted."""
        await asyncio.gather(*self._noting)


def lane_of(request: Request) -> str:
    """Where a request waits until it is known whose it is; which organization it names proves nothing."""
    return f"address {request.address}"


def bearer(request: Request) -> str | None:
    """The token of the Authorization header, or None."""
    scheme, _, secret = (request.header("authorization") or "").partition(" ")
    secret = secret.strip()
    return secret if scheme.lower() == "bearer" and 0 < len(secret) <= 512 else None
