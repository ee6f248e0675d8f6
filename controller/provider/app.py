"""The provider as one ASGI application: SCIM at /scim/v2, admin API at /admin/v1, pages at /console.

Called by `scimctl provider serve`, by the sandbox and by tests. SCIM is served directly, everything else by
Starlette (http says why); the database is opened and closed here.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from sqlalchemy import bindparam, insert, select, update
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.requests import Request as WebRequest
from starlette.responses import JSONResponse
from starlette.responses import Response as WebResponse
from starlette.routing import Mount, Route
from starlette.types import Receive, Scope, Send

from controller.clock import Clock, SystemClock
from controller.errors import SpecError
from controller.http_limits import ServerLimits
from controller.provider.access import Gate
from controller.provider.admin.api import admin_app
from controller.provider.bugs import note_bug, public_message
from controller.provider.console.app import console_app
from controller.provider.console.context import home, redirect
from controller.provider.database import SEARCH_SECONDS, Database, open_database
from controller.provider.documents import moment_text
from controller.provider.http import (
    EVERY_ANSWER,
    ClientGone,
    Request,
    Response,
    for_starlette,
    known,
    request_of,
    send_response,
)
from controller.provider.journal import Actor
from controller.provider.lockout import Announcer, read_outlooks
from controller.provider.organizations import (
    NewOrganization,
    find_organization,
    insert_organization,
    lock_organization,
)
from controller.provider.outages import Refusal
from controller.provider.responses import scim_error
from controller.provider.scim import ScimSide
from controller.provider.statements import Prepared, Taken, Unit
from controller.provider.tables import organizations
from controller.provider.tables import secrets as secret_rows
from controller.provider.tokens import NewToken, TooManyTokens, issue_token

BOOTSTRAP = Actor("bootstrap")
SCIMCTL = Actor("scimctl")
WATCH_SECONDS = 3600.0
_NAMES = Prepared(select(organizations.c.id).order_by(organizations.c.id).limit(20))
_SECRET = Prepared(select(secret_rows.c.value).where(secret_rows.c.name == bindparam("key")))
_NEW_SECRET = Prepared(insert(secret_rows).values(name=bindparam("key"), value=bindparam("value")))

_SAME_SECRET = Prepared(
    update(secret_rows).where(secret_rows.c.name == bindparam("key")).values(value=secret_rows.c.value)
)
READY_SECONDS = 3.0


def shared_secret(database: Database, name: str) -> str:
    """A random key that every process of this database shares, made at its first use."""

    def job(unit: Unit) -> str:
        row = unit.one(_SECRET, key=name)
        if row is None:
            unit.run(_NEW_SECRET, key=name, value=secrets.token_urlsafe(32))
            row = unit.one(_SECRET, key=name)
        assert row is not None
        return str(row[0])

    try:
        return database.run(job)
    except Taken:  # another process was first
        return database.run(job)


@dataclass(frozen=True)
class CreatedOrganization:
    """A new organization: its paths under the provider's URL, and two tokens that are not to be had again."""

    id: str
    scim_path: str
    admin_path: str
    console_path: str
    scim_token: str
    admin_token: str


def add_organization(database: Database, new: NewOrganization, clock: Clock) -> CreatedOrganization:
    """Creates `new` with a SCIM and an admin token; raises SpecError if it cannot be."""

    def job(unit: Unit) -> CreatedOrganization:
        org_id = insert_organization(unit, new, BOOTSTRAP, moment_text(clock))
        _, scim_token = issue_token(unit, org_id, NewToken("scim", ("scim",)), BOOTSTRAP, clock)
        _, admin_token = issue_token(unit, org_id, NewToken("admin", ("admin",)), BOOTSTRAP, clock)
        return CreatedOrganization(
            org_id, f"/scim/v2/{org_id}", f"/admin/v1/{org_id}", home(org_id), scim_token, admin_token
        )

    return database.run(job)


async def has_organization(database_url: str, org_id: str) -> bool:
    """Whether the database, which is migrated if it has to be, has an organization with this id."""
    database = open_database(database_url)
    try:
        return await database.read(lambda unit: find_organization(unit, org_id)) is not None
    finally:
        await database.close()


async def create_organization(
    database_url: str, new: NewOrganization, clock: Clock | None = None
) -> CreatedOrganization:
    """As `add_organization`, for a database that is not open here; it may be served at the same time."""
    database = open_database(database_url)
    try:
        return add_organization(database, new, clock or SystemClock())
    finally:
        await database.close()


def _read_something(unit: Unit) -> None:
    unit.one(_SECRET, key="cursor")


def _write_something(unit: Unit) -> None:
    """Finds out whether there is room again; it changes nothing."""
    unit.run(_SAME_SECRET, key="cursor")


def issue_new_token(database: Database, org_id: str, new: NewToken, clock: Clock) -> str:
    """The secret of a new token of `org_id`, for anyone who has the database. Raises SpecError."""

    def job(unit: Unit) -> str:
        if find_organization(unit, org_id) is None:
            known = ", ".join(row[0] for row in unit.all(_NAMES)) or "none"
            raise SpecError(f"there is no organization {org_id!r}; there are: {known}", field="name")
        lock_organization(unit, org_id)
        return issue_token(unit, org_id, new, SCIMCTL, clock)[1]

    try:
        return database.run(job)
    except TooManyTokens:
        detail = f"two tokens named {new.name!r} are alive already; choose another name"
        raise SpecError(detail, field="--token-name") from None


async def create_token(database_url: str, org_id: str, new: NewToken, clock: Clock) -> str:
    """As `issue_new_token`, for a database that is not open here; it may be served at the same time."""
    database = open_database(database_url)
    try:
        return issue_new_token(database, org_id, new, clock)
    finally:
        await database.close()


class Provider:
    """The ASGI application. Opens its database when built, closes it when the server's lifespan ends."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        public_url: str | None = None,
        limits: ServerLimits | None = None,
    ) -> None:
        self.database, self.clock = database, clock
        self.limits = limits or ServerLimits()
        self._public_url = public_url.rstrip("/") if public_url else None
        self._gate = Gate(database, clock)
        self._scim = ScimSide(database, self._gate, clock, shared_secret(database, "cursor"))
        self._web = self._starlette()
        self._announcer = Announcer(clock)
        self._watch: asyncio.Task[None] | None = None

    def _starlette(self) -> Starlette:
        """Everything but SCIM."""
        admin = admin_app(self.database, self._gate, self.clock)
        web = Starlette(
            routes=[
                Route("/", _show_root),
                Route("/healthz", _show_health),
                Route("/readyz", self._show_readiness),
                Route("/admin/v1", admin),
                Mount("/admin/v1", admin),
                Route("/console", _lead_to_sign_in),
                Mount("/console", console_app(self.database, self._gate, self.clock)),
            ],
            middleware=[*EVERY_ANSWER, Middleware(ExceptionMiddleware, handlers={Exception: _fail})],
            exception_handlers={HTTPException: _nothing_here},
            lifespan=self._lifespan,
        )
        web.router.redirect_slashes = False
        return web

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request, or the lifespan."""
        if scope["type"] == "lifespan":
            await self._web(scope, receive, send)
            return
        if scope["type"] != "http":
            return
        try:
            request = request_of(scope, self._public_url, self.limits)
        except ValueError:
            refusal = scim_error(400, "The path is not valid UTF-8", "invalidSyntax")
            await send_response(send, None, refusal)
            return
        try:
            await self._dispatch(request, scope, receive, send)
        except ClientGone:
            return
        except Exception as error:  # whatever it is, the caller learns an id and the log has the rest
            note_bug(error, request.request_id)
            await send_response(send, request, scim_error(500, public_message(request.request_id)))

    async def _dispatch(self, request: Request, scope: Scope, receive: Receive, send: Send) -> None:
        match request.path:
            case ("scim", "v2", org_id, *rest):
                request.path = tuple(rest)
                await send_response(send, request, await self._scim.serve(request, org_id, receive))
            case _:
                await self._web(for_starlette(scope, request), receive, send)

    async def _show_readiness(self, _: WebRequest) -> WebResponse:
        """Whether the database reads, and also writes if the last write failed."""
        try:
            async with asyncio.timeout(READY_SECONDS):
                await self.database.read(_read_something, lane="readyz")
                if self.database.health.problem is not None:
                    await self.database.write(_write_something, lane="readyz")
        except Refusal as refusal:
            return JSONResponse({"status": refusal.detail}, 503)
        except TimeoutError:
            return JSONResponse({"status": "The database does not answer in time"}, 503)
        return JSONResponse({"status": "ready"})

    @asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncIterator[None]:
        self._watch = asyncio.create_task(self._watch_tokens())
        yield
        await self.close()

    async def announce_expiry(self) -> None:
        """Says in the log, once a day, which organization will have no admin token any more."""
        outlooks = await self.database.read(read_outlooks(self.clock), lane="watch")
        self._announcer.announce(outlooks.items())

    async def _watch_tokens(self) -> None:
        while True:
            try:
                await self.announce_expiry()
            except Refusal:
                pass  # the database itself has been reported
            except Exception as error:
                note_bug(error, "the watch over admin tokens")
            await asyncio.sleep(WATCH_SECONDS)

    async def close(self) -> None:
        """Finishes what is under way."""
        if self._watch is not None:
            self._watch.cancel()
        await self._gate.close()
        await self.database.close()


async def _show_root(request: WebRequest) -> WebResponse:
    """A browser is led to the pages; programs learn where SCIM is."""
    if "text/html" in request.headers.get("accept", ""):
        return await _lead_to_sign_in(request)
    raise HTTPException(404)


async def _lead_to_sign_in(_: WebRequest) -> WebResponse:
    return redirect("/console/sign-in")


async def _show_health(_: WebRequest) -> WebResponse:
    return JSONResponse({"status": "ok"})


async def _nothing_here(request: WebRequest, error: Exception) -> WebResponse:
    """The SCIM Error for a path that nobody serves, or that another method does."""
    assert isinstance(error, HTTPException)
    detail = "There is nothing here; SCIM is at /scim/v2/{organization}"
    if error.status_code != 404:
        detail = f"{known(request.scope).method} is not served here"
    return _web_response(scim_error(error.status_code, detail), error.headers)


async def _fail(request: WebRequest, error: Exception) -> WebResponse:
    """What the caller learns of what nobody expected."""
    request_id = known(request.scope).request_id
    note_bug(error, request_id)
    return _web_response(scim_error(500, public_message(request_id)))


def _web_response(answer: Response, headers: Mapping[str, str] | None = None) -> WebResponse:
    return WebResponse(answer.body, answer.status, headers, answer.content_type)


def build_app(
    database_url: str,
    clock: Clock | None = None,
    *,
    public_url: str | None = None,
    limits: ServerLimits | None = None,
    search_seconds: float = SEARCH_SECONDS,
) -> Provider:
    """The application on the database at `database_url`, migrated. Raises SpecError naming `database`.

    `public_url` is what clients see, without a path; absent, the Host header of each request decides. Of
    `limits` the application itself needs the proxies; the rest is for the server that runs it. A search ends
    after `search_seconds`.
    """
    return Provider(open_database(database_url, search_seconds), clock or SystemClock(), public_url, limits)
