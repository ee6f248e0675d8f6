"""The calls of Okta's management API that we need, each a method: raw JSON in and out, typed at the edge.

Used by targets and by the log poller. Complete or an error: a listing is followed to its end; a page that is
no list, or a next link that leads elsewhere, is Unavailable. Nothing here decides anything.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import aclosing
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeVar, cast

from controller.errors import NotFound, Rejected, Unavailable
from controller.names import difference, fold
from controller.okta.shapes import (
    App,
    AppGroup,
    AppUser,
    Connection,
    Feature,
    Group,
    Json,
    LogEvent,
    LogRow,
    Rule,
    Schema,
    User,
    UserType,
)
from controller.okta.shapes import Mapping as ProfileMapping
from controller.parsing import as_object, split_url
from controller.transport.calls import Answer, Call, Lane, fill
from controller.transport.listing import Tally
from controller.transport.session import Session
from controller.transport.typed import misfit

Shape = TypeVar("Shape")
"""A TypedDict of shapes."""

PAGE_APPS = 200
PAGE_APP_USERS = 500
PAGE_APP_GROUPS = 200
PAGE_MAPPINGS = 200
PAGE_USERS = 200
PAGE_GROUPS = 200
PAGE_MEMBERS = 200
PAGE_RULES = 200
PAGE_LOG = 1000

APPS = "/api/v1/apps"
APP = APPS + "/{id}"
GROUPS = "/api/v1/groups"
USERS = "/api/v1/users"
MAPPINGS = "/api/v1/mappings"
LOGS = "/api/v1/logs"


class OktaClient:
    """One org. `lane` says with which priority its calls wait for the org's budget; see `in_lane`."""

    def __init__(self, session: Session, org_id: str = "", lane: Lane = Lane.CHANGE) -> None:
        self._session, self.org_id, self.lane = session, org_id, lane

    def in_lane(self, lane: Lane) -> OktaClient:
        """The same client with another priority."""
        return OktaClient(self._session, self.org_id, lane)

    @property
    def url(self) -> str:
        """Of the org, without a trailing slash."""
        return self._session.base_url

    # Org

    async def organization_id(self) -> str:
        """The id of the org behind the URL, whatever domain it has; needs no authentication."""
        path = "/.well-known/okta-organization"
        answer = await self._send(Call("GET", path, path))
        org_id = as_object(answer.body).get("id")
        if not isinstance(org_id, str) or not org_id:
            raise Unavailable(
                f"{path} names no org; is this the URL of an Okta org?", system="Okta", reason="NotOkta"
            )
        return org_id

    async def verify(self) -> None:
        """Returns if Okta accepts the credential for what every integration needs, to read apps. One call, of
        one row; raises what any other call would."""
        call = Call("GET", APPS, APPS, {"limit": 1})
        _rows(App, await self._send(call), call.route)

    # Apps

    async def apps_by_label(self, label: str) -> list[App]:
        """Every app, inactive ones included, whose label is exactly `label`; `q` alone matches beginnings."""
        params: dict[str, str | int] = {"q": label, "limit": PAGE_APPS}
        call = Call("GET", APPS, APPS, params)
        return await self._all(App, call, lambda row: row.get("label") == label)

    async def ids_of_apps_of(self, user_id: str) -> frozenset[str]:
        """Ids of the apps that a user is assigned to, directly or through a group.

        By the filter `user.id`, which Okta takes together with `expand=user/...` of the same user only.
        """
        wanted = f"user.id eq {_quoted(user_id)}"
        params: dict[str, str | int] = {"filter": wanted, "expand": f"user/{user_id}", "limit": PAGE_APPS}
        return frozenset(row["id"] for row in await self._all(App, Call("GET", APPS, APPS, params)))

    async def app(self, app_id: str) -> App:
        """The app, whole: what a replacement must send back."""
        return await self._get(App, APP, id=app_id)

    async def replace_app(self, app_id: str, app: App) -> App:
        """The app as Okta has it after a full replace: `app` must be all that `app()` gave."""
        return await self._write(App, "PUT", APP, cast(Json, app), id=app_id)

    async def features(self, app_id: str) -> list[Feature]:
        """The features with their switches; [] where provisioning is not enabled (400 E0000001)."""
        call = self._call("GET", APP + "/features", id=app_id)
        try:
            return _rows(Feature, await self._send(call), call.route)
        except Rejected as error:
            if error.code == "E0000001":
                return []
            raise

    async def update_feature(self, app_id: str, name: str, capabilities: Json) -> Feature:
        """The feature after a partial update; the body is the bare capabilities."""
        route = APP + "/features/{feature}"
        return await self._write(Feature, "PUT", route, capabilities, id=app_id, feature=name)

    async def connection(self, app_id: str) -> Connection:
        """The provisioning connection; status UNKNOWN where the app does not support the API."""
        return await self._get(Connection, APP + "/connections/default", id=app_id)

    async def set_connection(self, app_id: str, connection: Json, activate: bool) -> Connection:
        """What Okta answers to a new connection; UNKNOWN with a 200 means that nothing happened."""
        call = self._call("POST", APP + "/connections/default", connection, id=app_id)
        call = replace(call, params={"activate": str(activate).lower()}, is_idempotent=True)
        return _object(Connection, await self._send(call), call.route)

    async def activate_connection(self, app_id: str, active: bool = True) -> None:
        """Turns the connection on or off."""
        verb = "activate" if active else "deactivate"
        call = self._call("POST", f"{APP}/connections/default/lifecycle/{verb}", id=app_id)
        await self._send(replace(call, is_idempotent=True))

    # Assignments

    def app_user_pages(self, app_id: str) -> AsyncIterator[list[AppUser]]:
        """Pages of up to 500 app users with the Okta user embedded, to the last or an error."""
        call = self._call("GET", APP + "/users", id=app_id)
        params: dict[str, str | int] = {"expand": "user", "limit": PAGE_APP_USERS}
        return self._pages(AppUser, replace(call, params=params))

    async def app_user(self, app_id: str, user_id: str) -> AppUser:
        """One app user with the Okta user embedded. Raises NotFound where the person is not assigned."""
        call = self._call("GET", APP + "/users/{user}", id=app_id, user=user_id)
        return _object(AppUser, await self._send(replace(call, params={"expand": "user"})), call.route)

    async def assign_user(self, app_id: str, user_id: str, profile: Json | None = None) -> AppUser:
        """The new assignment of scope USER. Conflict where there is one."""
        body: Json = {"id": user_id, "scope": "USER", **({"profile": profile} if profile else {})}
        return await self._write(AppUser, "POST", APP + "/users", body, id=app_id)

    async def unassign_user(self, app_id: str, user_id: str) -> None:
        """Ends an assignment of scope USER; well if there was none. Okta then deactivates downstream."""
        call = self._call("DELETE", APP + "/users/{user}", id=app_id, user=user_id)
        await self._delete(replace(call, params={"sendEmail": "false"}))

    async def app_groups(self, app_id: str) -> list[AppGroup]:
        """Every group assigned to the app, the group embedded."""
        call = self._call("GET", APP + "/groups", id=app_id)
        params: dict[str, str | int] = {"expand": "group", "limit": PAGE_APP_GROUPS}
        return await self._all(AppGroup, replace(call, params=params))

    async def app_group(self, app_id: str, group_id: str) -> AppGroup:
        """One assignment of a group. Raises NotFound where there is none."""
        return await self._get(AppGroup, APP + "/groups/{group}", id=app_id, group=group_id)

    async def assign_group(self, app_id: str, group_id: str, priority: int | None) -> AppGroup:
        """The assignment, made or replaced."""
        body: Json = {} if priority is None else {"priority": priority}
        route = APP + "/groups/{group}"
        return await self._write(AppGroup, "PUT", route, body, id=app_id, group=group_id)

    async def unassign_group(self, app_id: str, group_id: str) -> None:
        """Ends the assignment of a group; well if there was none."""
        await self._delete(self._call("DELETE", APP + "/groups/{group}", id=app_id, group=group_id))

    # Schemas and mappings

    async def app_schema(self, app_id: str) -> Schema:
        """The app user schema; always `default`, user types do not apply to it."""
        return await self._get(Schema, "/api/v1/meta/schemas/apps/{id}/default", id=app_id)

    async def update_app_schema(self, app_id: str, properties: Mapping[str, Json | None]) -> Schema:
        """The app user schema after a partial update of custom attributes; None removes one."""
        body: Json = {
            "definitions": {
                "custom": {"id": "#custom", "type": "object", "properties": dict(properties), "required": []}
            }
        }
        route = "/api/v1/meta/schemas/apps/{id}/default"
        return await self._write(Schema, "POST", route, body, repeat=True, id=app_id)

    async def user_schema(self, schema_id: str) -> Schema:
        """The schema of a user type: `default` or an id `osc...`."""
        return await self._get(Schema, "/api/v1/meta/schemas/user/{id}", id=schema_id)

    async def user_types(self) -> list[UserType]:
        """Every user type; there are at most ten."""
        path = "/api/v1/meta/types/user"
        return await self._all(UserType, Call("GET", path, path))

    async def mappings(self, *, source_id: str = "", target_id: str = "") -> list[ProfileMapping]:
        """Profile mappings from or to something, without their properties."""
        named = {"sourceId": source_id, "targetId": target_id}
        params: dict[str, str | int] = {key: value for key, value in named.items() if value}
        call = Call("GET", MAPPINGS, MAPPINGS, {**params, "limit": PAGE_MAPPINGS})
        return await self._all(ProfileMapping, call)

    async def mapping(self, mapping_id: str) -> ProfileMapping:
        """One mapping with its properties."""
        return await self._get(ProfileMapping, MAPPINGS + "/{id}", id=mapping_id)

    async def update_mapping(self, mapping_id: str, properties: Mapping[str, Json | None]) -> ProfileMapping:
        """The mapping after a partial update; None removes a property."""
        gone = {"expression": None, "pushStatus": None}
        body: Json = {"properties": {name: value or gone for name, value in properties.items()}}
        return await self._write(ProfileMapping, "POST", MAPPINGS + "/{id}", body, repeat=True, id=mapping_id)

    # People and groups

    async def user(self, id_or_login: str) -> User:
        """One user, deprovisioned ones included. Raises NotFound."""
        return await self._get(User, USERS + "/{id}", id=id_or_login)

    async def user_of(self, login: str) -> User | None:
        """The user behind `login`; None if Okta has none, or names one whose login merely looks the same."""
        try:
            user = await self.user(login)
        except NotFound:
            return None
        found = str((user.get("profile") or {}).get("login") or "")
        return user if fold(found) == fold(login) or not difference(found, login) else None

    async def was_deleted(self, user_id: str, since: datetime) -> bool:
        """Whether the System Log says that the user was deleted, which needs that they were deactivated
        before. Ids are never given to somebody else."""
        params: dict[str, str | int] = {
            "since": since.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
            "filter": f'target.id eq {_quoted(user_id)} and eventType sw "user.lifecycle.delete"',
            "limit": 1,
        }
        return bool(_rows(LogRow, await self._send(Call("GET", LOGS, LOGS, params)), LOGS))

    def deprovisioned_pages(self, since: datetime) -> AsyncIterator[list[User]]:
        """Pages of the users that were deactivated, or changed after that, since `since`."""
        moment = since.strftime("%Y-%m-%dT%H:%M:%S.000Z")
        wanted = f'status eq "DEPROVISIONED" and lastUpdated gt "{moment}"'
        params: dict[str, str | int] = {"filter": wanted, "limit": PAGE_USERS}
        return self._pages(User, Call("GET", USERS, USERS, params))

    async def groups_by_name(self, name: str, *, stats: bool = False) -> list[Group]:
        """Every group of any type whose name is exactly `name`. By `q`, since `search` lags behind."""
        params: dict[str, str | int] = {"q": name, "limit": PAGE_GROUPS, **_stats(stats)}
        call = Call("GET", GROUPS, GROUPS, params)
        return await self._all(Group, call, lambda row: (row.get("profile") or {}).get("name") == name)

    async def groups_by_id(self, ids: list[str]) -> list[Group]:
        """The groups of `ids` with their counts of users (expand=stats), without those that are gone."""
        found: list[Group] = []
        for start in range(0, len(ids), 20):
            wanted = " or ".join(f'id eq "{group_id}"' for group_id in ids[start : start + 20])
            params: dict[str, str | int] = {"filter": wanted, "limit": PAGE_GROUPS, **_stats(True)}
            found += await self._all(Group, Call("GET", GROUPS, GROUPS, params))
        return found

    async def group(self, group_id: str) -> Group:
        """One group. Raises NotFound."""
        return await self._get(Group, GROUPS + "/{id}", id=group_id)

    def member_pages(self, group_id: str) -> AsyncIterator[list[User]]:
        """Pages of the members of a group."""
        call = self._call("GET", GROUPS + "/{id}/users", id=group_id)
        return self._pages(User, replace(call, params={"limit": PAGE_MEMBERS}))

    async def create_group(self, name: str, description: str) -> Group:
        """A new group of type OKTA_GROUP. Two of one name are refused by Okta."""
        body: Json = {"profile": {"name": name, "description": description}}
        return await self._write(Group, "POST", GROUPS, body)

    async def delete_group(self, group_id: str) -> None:
        """Deletes a group; well if it was gone."""
        await self._delete(self._call("DELETE", GROUPS + "/{id}", id=group_id))

    async def add_member(self, group_id: str, user_id: str) -> None:
        """Puts a user into a group; well if they were in it."""
        await self._send(self._call("PUT", GROUPS + "/{id}/users/{user}", id=group_id, user=user_id))

    async def remove_member(self, group_id: str, user_id: str) -> None:
        """Takes a user out of a group; well if they were not in it."""
        await self._delete(self._call("DELETE", GROUPS + "/{id}/users/{user}", id=group_id, user=user_id))

    async def group_rules(self) -> list[Rule]:
        """Every group rule; active ones put back whom one takes out of their groups."""
        route = GROUPS + "/rules"
        return await self._all(Rule, Call("GET", route, route, {"limit": PAGE_RULES}))

    # System Log

    async def log_page(self, link: str, since: datetime, query: str = "") -> tuple[list[LogEvent], str]:
        """(events in the order of their storing, the link to store for the next poll).

        `link` is what the last call gave, followed as it is; without one the log is read from `since`. There
        is always a next link, also behind an empty page (developer.okta.com, System Log, "Polling").
        """
        params: dict[str, str | int] = {
            "since": since.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
            "sortOrder": "ASCENDING",
            "limit": PAGE_LOG,
            **({"filter": query} if query else {}),
        }
        call = Call("GET", link, LOGS) if link else Call("GET", LOGS, LOGS, params)
        answer = await self._send(replace(call, is_listing=True))
        if answer.next_url:
            _check_link(answer, self._session.absolute(answer.next_url), LOGS)
        events = cast(list[LogEvent], _rows(LogRow, answer, LOGS))
        if len(events) > PAGE_LOG:
            raise Unavailable(
                f"Okta answered with more than the {PAGE_LOG} events that were asked for",
                system="Okta",
                reason="Incomplete",
            )
        return events, answer.next_url or link

    # The wire

    def _call(self, method: str, route: str, body: Any = None, **ids: str) -> Call:
        return Call(method, fill("Okta", route, ids), route, json=body)

    async def _send(self, call: Call) -> Answer:
        return await self._session.send(replace(call, lane=self.lane))

    async def _get(self, kind: type[Shape], route: str, **ids: str) -> Shape:
        return _object(kind, await self._send(self._call("GET", route, **ids)), route)

    async def _write(
        self,
        kind: type[Shape],
        method: str,
        route: str,
        body: Json,
        *,
        repeat: bool | None = None,
        **ids: str,
    ) -> Shape:
        call = replace(self._call(method, route, body, **ids), is_idempotent=repeat)
        return _object(kind, await self._send(call), route)

    async def _delete(self, call: Call) -> None:
        try:
            await self._send(call)
        except NotFound:
            return

    async def _all(
        self, kind: type[Shape], call: Call, is_wanted: Callable[[Shape], bool] | None = None
    ) -> list[Shape]:
        """Every row that is wanted, whole; as much as one page may have, in all."""
        rows: list[Shape] = []
        tally = Tally("Okta", f"the rows of {call.route}", kept_bytes=self._session.bounds.page_bytes)
        async with aclosing(self._answers(kind, call)) as answers:
            async for answer in answers:
                found = answer.body if is_wanted is None else [row for row in answer.body if is_wanted(row)]
                tally.keep_bytes(answer.size * len(found) // max(1, len(answer.body)))
                rows += found
        return rows

    async def _pages(self, kind: type[Shape], call: Call) -> AsyncGenerator[list[Shape]]:
        """Each page as it comes."""
        async with aclosing(self._answers(kind, call)) as answers:
            async for answer in answers:
                yield answer.body
                del answer  # while the next one is waited for

    async def _answers(self, kind: type, call: Call) -> AsyncGenerator[Answer]:
        """Each page as it comes; the next link is followed as it is, and to this very listing only."""
        path, seen = call.path, set[str]()
        tally = Tally("Okta", f"the pages of {call.route}")
        while True:
            answer = await self._send(replace(call, is_listing=True))
            tally.page(len(_rows(kind, answer, call.route)))
            following = answer.next_url
            if following:
                _check_link(answer, self._session.absolute(following), path)
            yield answer
            if not following:
                return
            if following in seen:
                raise Unavailable(
                    f"the pages of {call.route} go in a circle", system="Okta", reason="Incomplete"
                )
            seen.add(following)
            del answer  # while the next page is waited for
            call = replace(call, path=following, params={})


def _quoted(text: str) -> str:
    """`text` inside a filter; an id may have come from a provider, which can write anything there."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _stats(wanted: bool) -> dict[str, str | int]:
    return {"expand": "stats"} if wanted else {}


def _rows(kind: type[Shape], answer: Answer, route: str) -> list[Shape]:
    if not isinstance(answer.body, list):
        raise _incomplete(f"GET {route} with something that is not a list")
    for number, row in enumerate(answer.body):
        if fault := misfit(kind, row):
            raise _incomplete(f"GET {route} with a row {number} that is not whole: {fault}")
    return answer.body


def _object(kind: type[Shape], answer: Answer, route: str) -> Shape:
    if not isinstance(answer.body, dict):
        raise _incomplete(f"{route} with something that is not an object")
    if fault := misfit(kind, answer.body):
        raise _incomplete(f"{route} with something that is not whole: {fault}")
    return cast(Shape, answer.body)


def _incomplete(words: str) -> Unavailable:
    return Unavailable(f"Okta answered {words}", system="Okta", reason="Incomplete")


def _check_link(answer: Answer, link: str, path: str) -> None:
    if split_url(link).path != split_url(path).path:
        raise Unavailable(
            f"the next link of {split_url(answer.url).path} leads to {split_url(link).path}",
            system="Okta",
            reason="ForeignLink",
        )
