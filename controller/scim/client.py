"""SCIM 2.0 Users at any service provider: probe, list, find, create, replace, patch. Bodies are plain dicts.

Used by targets.provider_people and provider_settings, and by scim.groups to list another kind. Complete or an
error: a listing that is short, moves while it is read, or names an id twice is read again and then refused.
Nothing here decides anything.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from controller.errors import NotFound, Rejected, RemoteError, Unauthorized, Unavailable
from controller.names import fold
from controller.scim.failures import ForeignNotFound
from controller.transport.calls import Answer, Call, Lane, fill
from controller.transport.listing import Tally
from controller.transport.session import Session

Json = dict[str, Any]
Row = TypeVar("Row")

USERS = "/Users"
USER = "/Users/{id}"
PATCH_SCHEMA = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
USER_SCHEMA = "urn:ietf:params:scim:schemas:core:2.0:User"
WALKS = 3
"""How often a listing that moves is begun again."""
LARGEST_PAGE = 1000


class _Moved(Exception):
    """The listing changed while it was walked; the text says how that was seen."""


@dataclass(frozen=True, slots=True)
class Tested:
    """A test of URL and credential; `cause` in words, and `reason` CamelCase, where it failed."""

    ok: bool
    seconds: float
    cause: str = ""
    reason: str = ""


class ScimClient:
    """One tenant. `page_size` is what is asked for where the provider refuses the largest page."""

    def __init__(self, session: Session, *, page_size: int = 100, lane: Lane = Lane.CHANGE) -> None:
        self._session, self._page_size, self.lane = session, page_size, lane
        self._asked = LARGEST_PAGE

    def in_lane(self, lane: Lane) -> ScimClient:
        """The same client with another priority."""
        return ScimClient(self._session, page_size=self._page_size, lane=lane)

    @property
    def url(self) -> str:
        """Of the tenant, without a trailing slash."""
        return self._session.base_url

    async def probe(self) -> Tested:
        """What Okta's "Test API credentials" finds out, by the same request: `GET
        /Users?startIndex=1&count=2`.

        RateLimited is raised; every other failure is told as a cause.
        """
        clock = self._session.clock
        begun = clock.monotonic()
        try:
            answer = await self._list({"startIndex": 1, "count": 2})
            _resources(answer)
        except RemoteError as error:
            if error.status == 429:
                raise
            return Tested(False, clock.monotonic() - begun, _cause(error), error.reason)
        return Tested(True, answer.seconds)

    async def users(self, parse: Callable[[Json], Row]) -> list[Row]:
        """Every user as `parse` makes them, each once; pages are dropped as soon as they are parsed.

        Raises Unavailable where no complete walk was possible.
        """
        return await self.listing(USERS, parse)

    async def listing(
        self, route: str, parse: Callable[[Json], Row], params: Mapping[str, str | int] | None = None
    ) -> list[Row]:
        """The same for the resources of `route`, asked for with `params` beside the page."""
        moved = ""
        for _ in range(WALKS):
            try:
                return [row async for row in self._walk(route, parse, params or {})]
            except _Moved as error:
                moved = str(error)
        raise Unavailable(
            f"the provider's list of {_noun(route)}s is not complete: {moved}",
            system="SCIM",
            reason="Incomplete",
        )

    async def user(self, scim_id: str) -> Json:
        """One user. Raises NotFound."""
        return resource_of(await self.send(self._call("GET", USER, scim_id)))

    async def proves_absence(self, scim_id: str, error: NotFound) -> bool:
        """Whether there is no user of this id, after its own resource answered with `error`.

        A SCIM error counts while the list of users answers; any other 404 needs a complete listing without
        the id. Raises Unavailable if the list does not answer.
        """
        if isinstance(error, ForeignNotFound):
            return scim_id not in await self.users(lambda user: user.get("id"))
        await self._check_service()
        return True

    async def _check_service(self) -> None:
        """Raises RemoteError unless the list of users answers as SCIM says."""
        _resources(await self._list({"startIndex": 1, "count": 1}))

    async def find(self, attribute: str, value: str) -> list[Json]:
        """The users whose `attribute` (userName or externalId) is `value`; userName without regard to case.

        Inactive ones are found too. Raises Unavailable where the provider ignores the filter.
        """
        quoted = value.replace("\\", "\\\\").replace('"', '\\"')
        params: dict[str, str | int] = {"filter": f'{attribute} eq "{quoted}"', "startIndex": 1, "count": 100}
        try:
            answer = await self._list(params)
        except ForeignNotFound:
            # Some services answer so if nobody matches, and so does a proxy whose service is away.
            await self._check_service()
            return []
        except NotFound:
            return []
        rows, total = _resources(answer)
        found = [row for row in rows if _same(attribute, row.get(attribute), value)]
        if not found and total > len(rows):
            raise Unavailable(
                f"the provider ignores the filter {attribute} eq", system="SCIM", reason="FilterIgnored"
            )
        return found

    async def create(self, resource: Json) -> Json:
        """The new user as the provider has it. Raises Conflict where the userName is taken,
        SeatsExhausted."""
        answer = await self.send(Call("POST", USERS, USERS, json=resource))
        body = resource_of(answer)
        if not body.get("id"):
            raise Unavailable("the provider created a user without an id", system="SCIM", reason="NotScim")
        return body

    async def replace(self, scim_id: str, resource: Json, version: str = "") -> Json | None:
        """The user after a PUT, None where the provider answers 204."""
        call = self._call("PUT", USER, scim_id, resource, version)
        return _maybe_resource(await self.send(call))

    async def patch(self, scim_id: str, operations: Sequence[Json], version: str = "") -> Json | None:
        """The user after a PATCH (RFC 7644 section 3.5.2), None where the provider answers 204.

        Sent again after a failure only if every operation replaces, which twice is as good as once.
        """
        body = {"schemas": [PATCH_SCHEMA], "Operations": list(operations)}
        call = self._call("PATCH", USER, scim_id, body, version)
        replaces = all(str(operation.get("op", "")).lower() == "replace" for operation in operations)
        return _maybe_resource(await self.send(replace(call, is_idempotent=replaces)))

    # The wire

    async def _walk(
        self, route: str, parse: Callable[[Json], Row], params: Mapping[str, str | int]
    ) -> AsyncIterator[Row]:
        """One walk by startIndex. Each page begins with the last user of the page before: what moves in
        between is seen by that, even where totalResults stays the same."""
        seen, start, last = set[str](), 1, ""
        tally = Tally("the provider", f"{_noun(route)}s", "spec.provider")
        while True:
            rows, total = await self._page(route, start, params)
            tally.announced(total)
            tally.page(max(0, len(rows) - bool(last)))
            ids = [_id(row, route) for row in rows]
            if last and (not ids or ids[0] != last):
                raise _Moved("it changed while it was read")
            fresh = rows[1:] if last else rows
            for row in fresh:
                if _id(row, route) in seen:
                    raise _Moved(f"the id {_id(row, route)[:64]} is there twice")
                seen.add(_id(row, route))
                yield tally.keep(parse(row))
            if len(seen) >= total:
                break
            if not fresh:
                raise _Moved(f"{len(seen)} of {total} {_noun(route)}s were given")
            last, start = ids[-1], start + len(rows) - 1
            del rows, fresh  # while the next page is waited for
        if len(seen) != total:
            raise _Moved(f"{len(seen)} {_noun(route)}s were given, {total} announced")

    async def _page(self, route: str, start: int, params: Mapping[str, str | int]) -> tuple[list[Json], int]:
        """(resources, totalResults); pages as large as the provider gives, the profile's size where it
        refuses."""
        asked = {**params, "startIndex": start, "count": self._asked}
        try:
            return _resources(await self.send(Call("GET", route, route, asked, is_listing=True)), route)
        except Rejected:
            if self._asked == self._page_size:
                raise
            self._asked = self._page_size
            return await self._page(route, start, params)

    async def _list(self, params: Mapping[str, str | int]) -> Answer:
        return await self.send(Call("GET", USERS, USERS, params, is_listing=True))

    def _call(self, method: str, route: str, scim_id: str, body: Any = None, version: str = "") -> Call:
        headers = {"if-match": version} if version else {}
        return Call(method, fill("SCIM", route, {"id": scim_id}), route, json=body, headers=headers)

    async def send(self, call: Call) -> Answer:
        """The answer to `call`, which goes in this client's lane."""
        return await self._session.send(replace(call, lane=self.lane))


def _noun(route: str) -> str:
    """`user` or `group`."""
    return route.strip("/").removesuffix("s").lower()


def _resources(answer: Answer, route: str = USERS) -> tuple[list[Json], int]:
    """(Resources, totalResults) of a ListResponse (RFC 7644 section 3.4.2); Unavailable for anything else."""
    body = answer.body if isinstance(answer.body, dict) else {}
    total, rows = body.get("totalResults"), body.get("Resources") or []
    is_list = isinstance(rows, list) and all(isinstance(row, dict) for row in rows)
    if not isinstance(total, int) or isinstance(total, bool) or total < 0 or not is_list:
        raise Unavailable(
            f"the provider answered GET {route} with JSON that is no SCIM ListResponse; is baseUrl the SCIM "
            "URL?",
            system="SCIM",
            status=answer.status,
            reason="NotScim",
        )
    return rows, total


def resource_of(answer: Answer, noun: str = "user") -> Json:
    """The resource in the body; Unavailable where there is none. `noun` is what it is called in words."""
    if isinstance(answer.body, dict):
        return answer.body
    raise Unavailable(
        f"the provider answered {answer.status} without a {noun}",
        system="SCIM",
        status=answer.status,
        reason="NotScim",
    )


def _maybe_resource(answer: Answer) -> Json | None:
    return None if answer.body is None else resource_of(answer)


def _id(row: Json, route: str) -> str:
    value = row.get("id")
    if not isinstance(value, str) or not value:
        told = f"the provider lists a {_noun(route)} without an id"
        raise Unavailable(told, system="SCIM", reason="NotScim")
    return value


def _same(attribute: str, actual: object, expected: str) -> bool:
    if fold(attribute) == "username":
        return fold(str(actual)) == fold(expected)
    return actual == expected


def _cause(error: RemoteError) -> str:
    """A failed probe in words for the person who fills in the Secret."""
    if isinstance(error, Unauthorized):
        return f"the token is refused ({error.status}): {error.message}"
    if isinstance(error, NotFound):
        return (
            f"there is no SCIM service at this baseUrl (404), or the tenant in it is wrong: {error.message}"
        )
    return error.message
