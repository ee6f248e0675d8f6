"""The simulated org: everything it remembers, its ids and its clock. Saved and loaded whole.

Made by the sandbox and by tests; app serves it. Rules about what a change entails stand in directory,
assignments, schemas and mappings, which are the only ones to write here. Knows nothing of HTTP and nothing
of the operator.
"""

from __future__ import annotations

import hashlib
import hmac
from collections import deque
from collections.abc import Callable
from typing import Any

from controller.clock import Clock, SystemClock
from scim_sandbox.okta.buckets import Buckets
from scim_sandbox.okta.faults import Faults
from scim_sandbox.okta.orgclock import OrgClock, okta_time
from scim_sandbox.okta.outbound import Send
from scim_sandbox.okta.paging import SortedIds
from scim_sandbox.okta.problems import missing
from scim_sandbox.okta.records import (
    GONE,
    JSON,
    AppRecord,
    GroupRecord,
    HookRecord,
    MappingRecord,
    Principal,
    Quirks,
    RuleRecord,
    TaskRecord,
    UserRecord,
    UserTypeRecord,
)
from scim_sandbox.okta.systemlog import SystemLog, target

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_PREFIX = {
    "org": "00o", "user": "00u", "group": "00g", "app": "0oa", "type": "oty", "schema": "osc",
    "mapping": "prm", "rule": "0pr", "hook": "who", "token": "00T", "error": "oae",
    "request": "req", "client": "0oa", "external": "ext",
}  # fmt: skip


def secret_hash(secret: str) -> str:
    """What is kept of a token."""
    return hashlib.sha256(secret.encode()).hexdigest()


class Org:
    """One Okta org. `url` is where people reach it; answers carry it in their links."""

    def __init__(
        self,
        url: str = "http://127.0.0.1",
        *,
        api_token: str = "",
        name: str = "acme",
        clock: Clock | None = None,
        quirks: Quirks | None = None,
    ) -> None:
        self.url, self.name = url.rstrip("/"), name
        self.clock = OrgClock(clock or SystemClock())
        self.quirks = quirks or Quirks()
        self.counters: dict[str, int] = {}
        self.id = self.new_id("org")
        self.users: dict[str, UserRecord] = {}
        self.user_order = SortedIds()
        self.login_ids: dict[str, str] = {}
        self.groups: dict[str, GroupRecord] = {}
        self.members: dict[str, SortedIds] = {}
        self.groups_of: dict[str, set[str]] = {}
        self.apps: dict[str, AppRecord] = {}
        self.app_user_order: dict[str, SortedIds] = {}
        self.types: dict[str, UserTypeRecord] = {}
        self.mappings: dict[str, MappingRecord] = {}
        self.rules: dict[str, RuleRecord] = {}
        self.hooks: dict[str, HookRecord] = {}
        self.tasks: dict[str, TaskRecord] = {}
        self.principals: dict[str, Principal] = {}
        self.access_tokens: dict[str, JSON] = {}
        self.seen_jti: dict[str, float] = {}
        self.log = SystemLog(self.clock, self.new_id)
        self.buckets = Buckets(self.clock)
        self.faults = Faults(self.clock)
        self.requests: deque[JSON] = deque(maxlen=self.quirks.request_log)
        self.lagging: dict[str, tuple[float, UserRecord | None]] = {}
        self.wake: list[Callable[[], None]] = []
        self.send: Send | None = None
        self._found()
        if api_token:
            self.add_token(api_token, "operator")

    def _found(self) -> None:
        """What every org has from its first day: the default user type and the group Everyone."""
        now = self.now_text()
        default = UserTypeRecord(self.new_id("type"), self.new_id("schema"), "user", "User", True, now)
        self.types[default.id] = default
        everyone = {"name": "Everyone", "description": "All users in your organization"}
        group = GroupRecord(self.new_id("group"), "BUILT_IN", everyone, now, now, now)
        self.groups[group.id] = group
        self.members[group.id] = SortedIds()

    # -- ids and time ---------------------------------------------------------------------------------------

    def new_id(self, kind: str) -> str:
        """A fresh id in Okta's form: three characters for the kind and seventeen more."""
        count = self.counters[kind] = self.counters.get(kind, 0) + 1
        number = int.from_bytes(
            hashlib.blake2b(f"{self.name}/{kind}/{count}".encode(), digest_size=13).digest()
        )
        letters = ""
        for _ in range(17):
            number, rest = divmod(number, 62)
            letters += _ALPHABET[rest]
        return _PREFIX[kind] + letters

    def now_text(self) -> str:
        """The org's time as Okta writes it."""
        return okta_time(self.clock.now())

    # -- who may call --------------------------------------------------------------------------------------

    def add_token(self, token: str, name: str, **limits: Any) -> Principal:
        """An API token (SSWS); `limits` are fields of Principal such as read_only or groups."""
        principal = Principal(
            id=self.new_id("token"), name=name, kind="SSWS", secret_hash=secret_hash(token), **limits
        )
        self.principals[principal.id] = principal
        self.log.record("system.api_token.create", target("Token", principal.id, name))
        return principal

    def add_service_app(
        self, name: str, jwks: list[JSON], scopes: list[str], *, dpop: bool = False, **limits: Any
    ) -> Principal:
        """A service app; `jwks` are public keys, its client id is the answer's `id`."""
        principal = Principal(
            self.new_id("client"), name, "OAUTH", jwks=jwks, scopes=scopes, dpop=dpop, **limits
        )
        self.principals[principal.id] = principal
        return principal

    def token_owner(self, token: str) -> Principal | None:
        """The live principal whose API token this is."""
        wanted = secret_hash(token)
        for principal in self.principals.values():
            same = hmac.compare_digest(principal.secret_hash, wanted)
            if same and principal.kind == "SSWS" and principal.status == "ACTIVE":
                return principal
        return None

    # -- finding -------------------------------------------------------------------------------------------

    def find_user(self, key: str) -> UserRecord:
        """By id, login or the part of a login before the @; 404 where there is none."""
        found = self.users.get(key) or self.users.get(self.login_ids.get(key.lower(), ""))
        if found is None and "@" not in key:
            short = key.lower() + "@"
            found = next(
                (self.users[i] for login, i in self.login_ids.items() if login.startswith(short)), None
            )
        if found is None:
            raise missing(key, "User")
        return found

    def find_group(self, group_id: str) -> GroupRecord:
        if group_id not in self.groups:
            raise missing(group_id, "UserGroup")
        return self.groups[group_id]

    def find_app(self, app_id: str) -> AppRecord:
        if app_id not in self.apps:
            raise missing(app_id, "AppInstance")
        return self.apps[app_id]

    def app_by_label(self, label: str) -> AppRecord:
        """The app of exactly this label; for the sandbox and tests."""
        return next(app for app in self.apps.values() if app.body["label"] == label)

    def group_by_name(self, name: str) -> GroupRecord:
        """The first group of this name; for the sandbox and tests."""
        return next(group for group in self.groups.values() if group.profile["name"] == name)

    def default_type(self) -> UserTypeRecord:
        return next(kind for kind in self.types.values() if kind.default)

    def everyone(self) -> GroupRecord:
        return next(group for group in self.groups.values() if group.type == "BUILT_IN")

    def member_count(self, group_id: str) -> int:
        """Members who are not deactivated, as `expand=stats` counts them."""
        return sum(1 for user_id in self.members[group_id] if self.users[user_id].status != GONE)

    def changed(self) -> None:
        """Tells the background workers that there may be work."""
        for wake in self.wake:
            wake()
