"""The accounts at the provider: lists them, creates, changes, reactivates and deactivates them over SCIM; and
with provider_groups who of them is in which group.

Used by the engine through targets.connect. Never deletes. A success is not believed: each write is read
back, up to twenty singly, more by one listing (see targets.order).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple

from controller.errors import Conflict, NotFound, RemoteError, Unavailable, clip
from controller.model.actions import ACCOUNT_KINDS, Action, ActionKind, Outcome, Result
from controller.model.actual import AccountState, GroupState
from controller.model.people import Account, Refresh, ScimId, Value
from controller.names import fold
from controller.planning.base.desired import Desired
from controller.planning.groups.memberships import GROUP_KINDS
from controller.scim.client import USER_SCHEMA, Json, ScimClient
from controller.scim.groups import GroupClient
from controller.scim.paths import Path, Read, parse_path
from controller.targets.account_search import AccountSearch
from controller.targets.base import Begun, Done, FoundAccounts, Sought, unobserved
from controller.targets.order import ONE_BY_ONE, Bundler, Written, carry_out, confirmed, not_confirmed
from controller.targets.provider_groups import GroupWriter, read_groups
from controller.transport.calls import Lane
from controller.transport.failures import Unreachable

HANDLES = ACCOUNT_KINDS | GROUP_KINDS


class ProviderPeople:
    """A Target whose part is AccountState."""

    name = "provider_people"
    handles = HANDLES

    def __init__(self, client: ScimClient, concurrency: int = 8) -> None:
        self._client, self._concurrency = client, concurrency

    async def observe(self, desired: Desired) -> AccountState:
        """Every account."""
        parse = account_parser(desired.reads.paths)
        return AccountState(tuple(await self._client.in_lane(Lane.FULL).users(parse)))

    async def observe_accounts(self, desired: Desired, sought: Sequence[Sought]) -> FoundAccounts:
        """The accounts of `sought`, each asked for singly; see AccountTarget."""
        search = AccountSearch(self._client.in_lane(Lane.PERSON), account_parser(desired.reads.paths))
        for one in sought:
            await search.look_for(one)
        return FoundAccounts(tuple(search.found.values()), frozenset(search.absent), frozenset(search.unsure))

    async def apply(
        self, desired: Desired, actions: Sequence[Action], done: Done, begun: Begun = unobserved
    ) -> None:
        """Carries out actions on accounts and groups; see Target.apply."""
        writer = _Writer(desired, self._client.in_lane(Lane.CHANGE), self._concurrency)
        await carry_out(writer, actions, done, begun)

    async def observe_groups(self, desired: Desired, names: Collection[str], refresh: Refresh) -> GroupState:
        """The provider's groups, with the members of those in `names`; see AccountTarget."""
        lane = Lane.FULL if refresh.is_complete else Lane.PERSON
        return await read_groups(GroupClient(self._client.in_lane(lane)), names)


def account_parser(paths: tuple[str, ...]) -> Callable[[Json], Account]:
    """A function from a SCIM User to an Account whose values are those of `paths`, in order."""
    readers = tuple(parse_path(path).reader() for path in paths)

    def parse(user: Json) -> Account:
        return parse_account(user, readers)

    return parse


def parse_account(user: Json, readers: tuple[Read, ...]) -> Account:
    """The account; `active` counts as true where the provider does not say (RFC 7643 section 4.1.1)."""
    scim_id = user.get("id")
    if not isinstance(scim_id, str) or not scim_id:
        raise Unavailable("the provider lists a user without an id", system="SCIM", reason="NotScim")
    meta = user.get("meta")
    return Account(
        ScimId(scim_id),
        str(user.get("externalId") or ""),
        str(user.get("userName") or ""),
        _is_true(user.get("active", True)),
        tuple([read(user) for read in readers]),
        str(meta.get("version") or "") if isinstance(meta, dict) else "",
    )


def _is_true(value: object) -> bool:
    return value.lower() == "true" if isinstance(value, str) else bool(value)


class Fault(NamedTuple):
    """How an account differs from what was written; no words for not at all."""

    words: str = ""
    is_deferred: bool = False
    """Only in what the SaaS changes later, such as an address that its owner confirms."""


GONE = Fault("the account is not there")


class _Writer(Bundler):
    """A Bundler for one run: accounts here, groups by a GroupWriter."""

    def __init__(self, desired: Desired, client: ScimClient, concurrency: int) -> None:
        self._desired, self._client, self._most = desired, client, concurrency
        self._paths: dict[str, Path] = {}
        self._created: dict[str, str] = {}
        self._groups = GroupWriter(GroupClient(client), self._created)

    def concurrency(self, kind: ActionKind) -> int:
        return self._groups.concurrency(kind) if kind in GROUP_KINDS else self._most

    def confirms_singly(self, kind: ActionKind, count: int) -> bool:
        if kind in GROUP_KINDS:
            return self._groups.confirms_singly(kind, count)
        return count <= ONE_BY_ONE

    def bundles(self, kind: ActionKind, actions: Sequence[Action]) -> list[list[Action]]:
        if kind in GROUP_KINDS:
            return self._groups.bundles(kind, actions)
        return [[action] for action in actions]

    async def write_bundle(self, actions: Sequence[Action]) -> Written:
        return await self._groups.write_bundle(actions)

    async def write(self, action: Action) -> Written:
        if action.kind in GROUP_KINDS:
            return await self._groups.write(action)
        if action.kind is ActionKind.CREATE_ACCOUNT:
            written = await self._create(action)
            self._created[action.subject] = written.remote_id
            return written
        try:
            return Written(action.remote_id, body=await self._change(action.remote_id, action))
        except NotFound:
            if action.kind is ActionKind.DEACTIVATE_ACCOUNT:
                return Written(action.remote_id)
            raise

    async def confirm(self, action: Action, written: Written) -> Outcome:
        if action.kind in GROUP_KINDS:
            return await self._groups.confirm(action, written)
        if written.body is not None:
            fault = self._fault(action, written.body, is_partial=True)
            if fault.words and not fault.is_deferred:
                return self._judge(action, written, fault)
        try:
            user = await self._client.user(written.remote_id)
        except NotFound as error:
            return await self._missing(action, written, error)
        return self._judge(action, written, self._fault(action, user))

    async def _missing(self, action: Action, written: Written, error: NotFound) -> Outcome:
        """A deactivated account may be gone as well as inactive, if that is proved."""
        if action.kind is not ActionKind.DEACTIVATE_ACCOUNT:
            return self._judge(action, written, GONE)
        is_gone = await self._client.proves_absence(written.remote_id, error)
        return self._judge(action, written, Fault() if is_gone else Fault("the account is still listed"))

    async def confirm_all(self, kind: ActionKind, written: Sequence[tuple[Action, Written]]) -> list[Outcome]:
        if kind in GROUP_KINDS:
            return await self._groups.confirm_all(kind, written)
        wanted = {one.remote_id: action for action, one in written}
        faults: dict[str, Fault] = {}

        def look(user: Json) -> None:
            scim_id = str(user.get("id"))
            if scim_id in wanted:
                faults[scim_id] = self._fault(wanted[scim_id], user)

        await self._client.users(look)
        return [
            self._judge(action, one, faults.get(one.remote_id) or _gone(action)) for action, one in written
        ]

    # Creating

    async def _create(self, action: Action) -> Written:
        resource = self._resource(action)
        try:
            body = await self._client.create(resource)
        except Conflict as error:
            return await self._created_before(action, error)
        except Unavailable as error:
            if isinstance(error, Unreachable):
                raise
            # The answer got lost; whether the request did is for a read to say.
            return await self._created_before(action, error)
        return Written(str(body["id"]), body=body)

    def _resource(self, action: Action) -> Json:
        resource: Json = {}
        for name, value in action.after:
            self._path(name).put(resource, value)
        extensions = sorted(key for key in resource if key.startswith("urn:"))
        return {"schemas": [USER_SCHEMA, *extensions], **resource}

    async def _created_before(self, action: Action, error: RemoteError) -> Written:
        """The account, if it carries this person's id: an earlier attempt made it. Else `error` is raised."""
        user_name = str(dict(action.after).get("userName") or "")
        for user in await self._client.find("userName", user_name):
            if user.get("externalId") == action.subject:
                scim_id = str(user["id"])
                return Written(scim_id, body=await self._change(scim_id, action))
        raise error

    # Changing

    async def _change(self, scim_id: str, action: Action) -> Json | None:
        if self._desired.profile.patch == "Put":
            return await self._put(scim_id, action)
        if self._desired.profile.patch == "Path":
            before = dict(action.before)
            operations = [self._path(name).operation(before.get(name), after) for name, after in action.after]
            return await self._client.patch(scim_id, operations)
        return await self._client.patch(scim_id, await self._pathless(scim_id, action))

    async def _put(self, scim_id: str, action: Action) -> Json | None:
        """A PUT of what is there with the changes; once more where somebody else was faster."""
        for is_last in (False, True):
            user = await self._client.user(scim_id)
            version = str((user.get("meta") or {}).get("version") or "")
            for name, value in action.after:
                self._path(name).put(user, value)
            try:
                return await self._client.replace(scim_id, user, version)
            except Conflict as error:
                if is_last or error.status != 412:
                    raise
        return None

    async def _pathless(self, scim_id: str, action: Action) -> list[Json]:
        """Operations as Okta writes them. Complex and multi-valued attributes are sent whole, with what is
        there now, since some providers replace them whole; what is taken away needs a path (RFC 7644 section
        3.5.2.2)."""
        kept = [(self._path(name), value) for name, value in action.after if value is not None]
        gone = [self._path(name) for name, value in action.after if value is None]
        is_simple = all(path.is_simple for path, _ in kept)
        user: Json = {} if is_simple else await self._client.user(scim_id)
        for path, value in kept:
            path.put(user, value)
        changed = {path.top: _whole(user, path.top) for path, _ in kept}
        replaced = [{"op": "replace", "value": changed}] if changed else []
        return [*replaced, *(path.operation(True, None) for path in gone)]

    # Judging

    def _fault(self, action: Action, user: Json, *, is_partial: bool = False) -> Fault:
        """How `user` differs from the action's fields; `is_partial`: what is not there may only be left
        out."""
        found = Fault()
        for name, expected in action.after:
            actual = self._read(name, user)
            if _same(name, expected, actual) or (is_partial and actual is None):
                continue
            words = f"{name} is {_shown(actual)}, not {_shown(expected)}"
            fault = Fault(words, name in self._desired.profile.defers)
            if not fault.is_deferred:
                return fault
            found = fault
        return found

    def _read(self, name: str, user: Json) -> Value:
        if name == "active":
            return _is_true(user.get("active", True))
        if name == "externalId" and not self._desired.profile.keeps_external_id:
            return None
        return self._path(name).reader()(user)

    def _judge(self, action: Action, written: Written, fault: Fault) -> Outcome:
        if not fault.words:
            return confirmed(action, written)
        if fault.is_deferred:
            message = f"accepted and waiting at the provider: {fault.words}"
            return Outcome(
                action, Result.PENDING_CONFIRMATION, "PendingConfirmation", message, written.remote_id
            )
        return not_confirmed(action, written, fault.words)

    def _path(self, name: str) -> Path:
        if name not in self._paths:
            self._paths[name] = parse_path(name)
        return self._paths[name]


def _gone(action: Action) -> Fault:
    return Fault() if action.kind is ActionKind.DEACTIVATE_ACCOUNT else GONE


def _whole(user: Json, top: str) -> object:
    folded = fold(top)
    return next((value for key, value in user.items() if fold(key) == folded), None)


def _same(name: str, expected: Value, actual: Value) -> bool:
    left, right = _text(expected), _text(actual)
    if left is None or right is None or name not in ("userName", "emails[primary]"):
        return left == right
    return fold(left) == fold(right)


def _text(value: Value) -> str | None:
    if value is None or value == "":
        return None
    return str(value).lower() if isinstance(value, bool) else str(value)


def _shown(value: Value) -> str:
    return clip(str(value), 60) if value not in (None, "") else "empty"
