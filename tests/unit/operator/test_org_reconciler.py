"""When an OktaOrg is called by its own check, and when it is not."""

from __future__ import annotations

import asyncio
import base64
import random
from collections.abc import AsyncIterator, Callable
from types import SimpleNamespace
from typing import Any

import pytest_asyncio

from controller.clock import ManualClock
from controller.errors import ControllerError, Unauthorized, Unavailable
from controller.kube.paths import object_path
from controller.metrics import Metrics
from controller.operator.cluster import Cluster, path_of
from controller.operator.org_reconciler import OrgParts, OrgReconciler, place_of_key, watch_key
from controller.operator.status_writer import Reporter
from controller.operator.store import ORG, Store
from controller.reconcile.conditions import by_type
from controller.reconcile.org_status import OrgFacts
from controller.reconcile.requeue import Pace
from controller.settings import Settings
from tests.unit.kube.fakeapi import JSON, FakeApi
from tests.unit.operator.bodies import body

ACME = (ORG, "team", "acme")
HOUR = 3600.0


class SteppedClock(ManualClock):
    """Sleepers wake when the test has moved the time past them."""

    def __init__(self) -> None:
        super().__init__()
        self._sleepers: list[tuple[float, asyncio.Event]] = []

    async def sleep(self, seconds: float) -> None:
        event = asyncio.Event()
        self._sleepers.append((self.monotonic() + seconds, event))
        await event.wait()

    async def pass_by(self, seconds: float) -> None:
        await settled()
        self.advance(seconds)
        for due, event in self._sleepers:
            if due <= self.monotonic():
                event.set()
        await settled()


async def settled() -> None:
    for _ in range(50):
        await asyncio.sleep(0)


class Okta:
    """Stands for the connector and its client."""

    def __init__(self) -> None:
        self.calls = 0
        self.error: ControllerError | None = None
        self.forgotten: list[str] = []
        self.on_call: Callable[[], object] = lambda: None

    async def open_org(self, *_: Any) -> Any:
        return SimpleNamespace(org_id="00o1", client=self)

    async def verify(self) -> None:
        self.calls += 1
        self.on_call()
        if self.error is not None:
            raise self.error

    async def forget_org(self, namespace: str, name: str) -> None:
        self.forgotten.append(f"{namespace}/{name}")


class Stage:
    def __init__(self) -> None:
        self.clock, self.api, self.store, self.okta = SteppedClock(), FakeApi(), Store(), Okta()
        self.facts, self.wanted = OrgFacts(0), dict[str, Any]()
        cluster, metrics = Cluster(self.api, self.clock), Metrics()  # type: ignore[arg-type]
        reporter = Reporter(self.store, cluster, self.clock, Settings(), metrics, lambda _a, _b: self.facts)
        watches: Any = SimpleNamespace(
            want=self.wanted.__setitem__,
            unwant=lambda key: self.wanted.pop(key, None),
            read=lambda key, versions: None,
        )
        self.orgs = OrgReconciler(
            OrgParts(
                store=self.store,
                cluster=cluster,
                reporter=reporter,
                watches=watches,
                connector=self.okta,  # type: ignore[arg-type]
                clock=self.clock,
                metrics=metrics,
                pace=Pace(HOUR, 0, random.Random(1)),
            )
        )
        self.put_secret({"scim-operator.dev/allowed-hosts": "acme.okta.com"})

    def put_secret(self, annotations: JSON) -> None:
        data = {"apiToken": base64.b64encode(b"token").decode()}
        path = object_path("v1", "secrets", "team", "okta-api")
        self.api.put(path, {"metadata": {"name": "okta-api", "annotations": annotations}, "data": data})

    def put(self, **metadata: Any) -> None:
        made = body(ORG, **metadata)
        made["status"] = (self.store.get(*ACME) or {}).get("status") or {}
        self.store.put({**self.api.put(path_of(ACME), made), "kind": ORG})

    async def begin(self) -> None:
        self.put()
        self.orgs.check(ACME)
        await self.clock.pass_by(1)

    @property
    def status(self) -> JSON:
        found: JSON = self.api.objects[path_of(ACME)].get("status") or {}
        return found

    def ready(self) -> tuple[str, str]:
        found = by_type(self.status.get("conditions") or [])["Ready"]
        return found["status"], found["reason"]


@pytest_asyncio.fixture
async def stage() -> AsyncIterator[Stage]:
    made = Stage()
    yield made
    await made.orgs.aclose()


async def test_an_org_is_called_once_an_interval_and_writes_nothing_while_all_is_well(stage: Stage) -> None:
    await stage.begin()
    assert (stage.okta.calls, stage.ready()) == (1, ("True", "Succeeded"))
    writes = len(stage.api.writes())
    await stage.clock.pass_by(HOUR - 1)
    assert stage.okta.calls == 1
    await stage.clock.pass_by(2)
    assert (stage.okta.calls, len(stage.api.writes())) == (2, writes)


async def test_an_edit_and_a_changed_secret_are_looked_at_at_once_and_a_new_user_costs_no_call(
    stage: Stage,
) -> None:
    await stage.begin()
    stage.put(generation=2)
    stage.orgs.check(ACME)
    await settled()
    assert (stage.okta.calls, stage.status["observedGeneration"]) == (2, 2)
    stage.facts = OrgFacts(3)
    stage.orgs.look(ACME)
    await settled()
    assert (stage.okta.calls, stage.status["integrations"]) == (2, 3)
    await stage.clock.pass_by(HOUR + 1)
    assert stage.okta.calls == 3, "the look did not put off the call that was due"


async def test_a_secret_that_is_for_another_host_is_not_sent(stage: Stage) -> None:
    stage.put_secret({})
    await stage.begin()
    assert (stage.okta.calls, stage.ready()) == (0, ("False", "HostNotAllowed"))


async def test_an_org_that_is_down_is_tried_again_soon_and_a_refused_token_slowly(stage: Stage) -> None:
    stage.okta.error = Unavailable("down", system="Okta")
    await stage.begin()
    assert stage.ready() == ("False", "Unavailable")
    stage.okta.error = Unauthorized("no", system="Okta")
    await stage.clock.pass_by(3)
    assert (stage.okta.calls, stage.ready()) == (2, ("False", "CredentialsRejected"))
    stage.okta.error = None
    await stage.clock.pass_by(200)
    assert stage.okta.calls == 2
    await stage.clock.pass_by(101)
    assert (stage.okta.calls, stage.ready()) == (3, ("True", "Succeeded"))


async def test_an_org_of_suspended_integrations_is_not_called_until_one_goes_on(stage: Stage) -> None:
    stage.facts = OrgFacts(1, 1)
    await stage.begin()
    assert (stage.okta.calls, stage.ready()) == (0, ("Unknown", "Suspended"))
    stage.facts = OrgFacts(1)
    stage.orgs.look(ACME)
    await settled()
    assert (stage.okta.calls, stage.ready()) == (1, ("True", "Succeeded"))


async def test_an_org_that_goes_while_it_is_called_leaves_nothing_open(stage: Stage) -> None:
    stage.okta.on_call = lambda: stage.store.drop(ACME) and None
    await stage.begin()
    await stage.clock.pass_by(1)
    assert (stage.okta.forgotten, stage.wanted) == (["team/acme"], {})


async def test_an_api_server_that_is_away_is_waited_for(stage: Stage) -> None:
    stage.api.broken = Unavailable("away", system="Kubernetes")
    await stage.begin()
    assert stage.okta.calls == 0
    stage.api.broken = None
    await stage.clock.pass_by(6)
    assert (stage.okta.calls, stage.ready()) == (1, ("True", "Succeeded"))


async def test_an_org_that_cannot_be_parsed_says_so(stage: Stage) -> None:
    broken = body(ORG, spec={"url": "https://acme.okta.com", "auth": {"type": "Guess"}})
    stage.store.put({**stage.api.put(path_of(ACME), broken), "kind": ORG})
    stage.orgs.check(ACME)
    await stage.clock.pass_by(1)
    assert (stage.okta.calls, stage.ready()) == (0, ("False", "InvalidSpec"))


def test_the_key_of_an_org_is_never_that_of_an_integration() -> None:
    assert place_of_key(watch_key(ACME)) == ACME
    assert place_of_key("OktaOrg/calendly") is None, "a namespace has no capitals, yet"
    assert place_of_key("team/calendly") is None
