"""A Hypothesis state machine on SCIM: whatever is done in whatever order, the provider equals a dict."""

from __future__ import annotations

import asyncio
import tempfile
from dataclasses import dataclass
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, multiple, rule

from controller.clock import ManualClock
from controller.provider.app import build_app
from tests.contract.provider.world import World, replace, user

SEATS = 4
NAMES = st.sampled_from(["ada", "ADA", "alan", "Grace", "grace", "edsger", "barbara", "łukasz", "ŁUKASZ"])
TITLES = st.sampled_from(["Lady", "Dr", "", "ß"])


@dataclass
class Account:
    """What the model knows of one user."""

    login: str
    active: bool
    title: str | None


class Provider(RuleBasedStateMachine):
    """Users and one group of an organization with four seats, beside a dict of accounts."""

    users = Bundle("users")

    def __init__(self) -> None:
        super().__init__()
        self._folder = tempfile.TemporaryDirectory()
        self._loop = asyncio.new_event_loop()
        app = build_app(f"sqlite:///{self._folder.name}/provider.sqlite", ManualClock())
        self._world = World(app, ManualClock())
        self._client = self._world.organization(seats=SEATS)
        self._group = self._run(self._client.new_group("Pioneers"))["id"]
        self.accounts: dict[str, Account] = {}
        self.members: set[str] = set()

    def _run(self, awaitable: Any) -> Any:
        return self._loop.run_until_complete(awaitable)

    def _scim(self, method: str, path: str, body: Any = None) -> Any:
        return self._run(self._client.scim(method, path, body))

    def _used(self) -> int:
        return sum(account.active for account in self.accounts.values())

    def _is_taken(self, login: str, by_other_than: str = "") -> bool:
        folded = login.lower()
        return any(
            each.login.lower() == folded for key, each in self.accounts.items() if key != by_other_than
        )

    @rule(target=users, login=NAMES, active=st.booleans(), title=TITLES)
    def create(self, login: str, active: bool, title: str) -> Any:
        """Refused for a taken name, then for want of a seat."""
        answer = self._scim("POST", "/Users", user(login, title=title) | {"active": active})
        if self._is_taken(login):
            assert answer.status_code == 409
        elif active and self._used() >= SEATS:
            assert answer.status_code == 403
        else:
            assert answer.status_code == 201, answer.text
            key = answer.json()["id"]
            self.accounts[key] = Account(login, active, title or None)
            return key
        return multiple()

    @rule(key=users, active=st.booleans())
    def switch(self, key: str, active: bool) -> None:
        """Reactivating needs a seat."""
        account = self.accounts[key]
        answer = self._run(self._client.patch(f"/Users/{key}", replace({"active": active})))
        if active and not account.active and self._used() >= SEATS:
            assert answer.status_code == 403
            return
        assert answer.status_code == 200
        account.active = active

    @rule(key=users, login=NAMES, title=TITLES)
    def put(self, key: str, login: str, title: str) -> None:
        """Leaves `active` out, which keeps it."""
        body = user(login, title=title)
        del body["active"]
        answer = self._scim("PUT", f"/Users/{key}", body)
        if self._is_taken(login, by_other_than=key):
            assert answer.status_code == 409
            return
        assert answer.status_code == 200, answer.text
        self.accounts[key] = Account(login, self.accounts[key].active, title or None)

    @rule(key=consumes(users))
    def delete(self, key: str) -> None:
        """Out of every group too."""
        assert self._scim("DELETE", f"/Users/{key}").status_code == 204
        assert self._scim("GET", f"/Users/{key}").status_code == 404
        del self.accounts[key]
        self.members.discard(key)

    @rule(key=users, joins=st.booleans())
    def join(self, key: str, joins: bool) -> None:
        """Adds or removes a member."""
        operation: dict[str, Any] = {"op": "remove", "path": f'members[value eq "{key}"]'}
        if joins:
            operation = {"op": "add", "path": "members", "value": [{"value": key}]}
        assert self._run(self._client.patch(f"/Groups/{self._group}", operation)).status_code == 204
        (self.members.add if joins else self.members.discard)(key)

    @invariant()
    def people_are_those_of_the_model(self) -> None:
        """By list, by filter, and by seats."""
        listed = self._scim("GET", "/Users").json()
        found = {
            each["id"]: Account(each["userName"], each["active"], each.get("title") or None)
            for each in listed["Resources"]
        }
        assert found == self.accounts and listed["totalResults"] == len(self.accounts)
        for login in ("ada", "ŁUKASZ"):
            answer = self._scim("GET", f'/Users?filter=userName eq "{login}"').json()
            assert (answer["totalResults"] == 1) is self._is_taken(login)
        assert self._run(self._client.seats())["used"] == self._used()

    @invariant()
    def members_are_those_of_the_model(self) -> None:
        """In the group, and on each user."""
        group = self._scim("GET", f"/Groups/{self._group}").json()
        assert {each["value"] for each in group.get("members", [])} == self.members
        filtered = self._scim("GET", f'/Users?filter=groups.value eq "{self._group}"').json()
        assert {each["id"] for each in filtered["Resources"]} == self.members

    def teardown(self) -> None:
        """Lets go of the database."""
        self._run(self._world.http.aclose())
        self._run(self._world.provider.close())
        self._loop.close()
        self._folder.cleanup()


TestProvider = Provider.TestCase
TestProvider.settings = settings(
    max_examples=12,
    stateful_step_count=20,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
