"""An integration that refers to an OktaOrg of another namespace, which does not allow it."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from controller.api.meta import FINALIZER, SYNC_USER
from controller.clock import ManualClock
from controller.errors import Unavailable
from controller.metrics import Metrics
from controller.model.people import EVERYTHING, Refresh
from controller.operator.foundation import Ground
from controller.operator.main import Operator
from controller.operator.org_sharing import may_use, usable_org, users_of
from controller.operator.run_inputs import rivals_of
from controller.operator.store import Store
from controller.reconcile.schedule import Next, Task
from controller.settings import Settings
from controller.targets.connect import TargetConnector
from controller.transport.calls import Lane
from tests.unit.kube.fakeapi import FakeApi
from tests.unit.operator.bodies import body, with_status
from tests.unit.planning import world
from tests.unit.reconcile.reports import INTEGRATION, ORG

JSON = dict[str, Any]
VICTIM, ATTACKER = "victim", "attacker"
GROUP = "/apis/scim-operator.dev/v1alpha1"
REFUSED = {
    "Same": {"from": "Same"},
    "another label": {"from": "Selector", "selector": {"matchLabels": {"scim": "yes"}}},
    "by default": None,
    "unreadable": {"from": "Everybody"},
}
GRANTED = {
    "All": {"from": "All"},
    "its label": {"from": "Selector", "selector": {"matchLabels": {"team": "red"}}},
}


def org(allowed: JSON | None, **metadata: Any) -> JSON:
    spec = {**ORG, "auth": {**ORG["auth"], "secretRef": {"name": "victims-secret"}}}
    spec = {**spec, "allowedNamespaces": allowed} if allowed else spec
    return body("OktaOrg", spec=spec, **{"namespace": VICTIM, "uid": "uid-org", **metadata})


def intruder(name: str = "calendly", spec: JSON | None = None, **metadata: Any) -> JSON:
    okta = {**INTEGRATION["okta"], "orgRef": {"name": "acme", "namespace": VICTIM}}
    merged = {**INTEGRATION, "okta": okta, **(spec or {})}
    return body("ScimIntegration", name, spec=merged, **{"namespace": ATTACKER, **metadata})


class Scene:
    """The operator's reconciler over an API server in memory, with a victim's org and an attacker."""

    def __init__(self, *bodies: JSON) -> None:
        self.api = FakeApi()
        for namespace in (VICTIM, ATTACKER):
            labels = {"team": "red"} if namespace == ATTACKER else {}
            self.api.put(
                f"/api/v1/namespaces/{namespace}", {"metadata": {"name": namespace, "labels": labels}}
            )
        token = base64.b64encode(b"v1ctims-t0ken").decode()
        secret = {"metadata": {"annotations": {}}, "data": {"apiToken": token}}
        self.api.put(f"/api/v1/namespaces/{VICTIM}/secrets/victims-secret", secret)
        verbs = {"resources": [{"name": "scimintegrations", "verbs": ["create"]}]}
        self.api.put(GROUP, verbs)
        ground = Ground("", self.api, ManualClock(world.NOW), Metrics())  # type: ignore[arg-type]
        self.operator = Operator(Settings(), ground)
        for one in bodies:
            plural = {"OktaOrg": "oktaorgs", "ScimIntegration": "scimintegrations"}[one["kind"]]
            place = f"{GROUP}/namespaces/{one['metadata']['namespace']}/{plural}/{one['metadata']['name']}"
            stored = self.api.put(place, one)
            self.operator.store.put(stored)

    async def work(self, refresh: Refresh = EVERYTHING, name: str = "calendly") -> Next:
        self.api.calls.clear()
        try:
            return await self.operator._reconciler.work(
                Task(f"{ATTACKER}/{name}", refresh, Lane.PERSON, (), 0)
            )
        finally:
            await self.operator._watches.aclose()

    def condition(self, kind: str) -> JSON:
        found = self.api.objects[f"{GROUP}/namespaces/{ATTACKER}/scimintegrations/calendly"]
        return next(one for one in found["status"]["conditions"] if one["type"] == kind)

    def at_victim(self) -> list[str]:
        """Whatever was asked of the victim's namespace."""
        return [call for call in self.api.calls if f"/namespaces/{VICTIM}" in call]


@pytest.fixture(autouse=True)
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """OktaOrgs that somebody opened: their credential was about to be sent."""
    names: list[str] = []

    async def open_org(self: Any, resource: Any, *rest: Any) -> None:
        names.append(f"{resource.namespace}/{resource.name}")
        raise Unavailable("no network in this test", system="Okta")

    monkeypatch.setattr(TargetConnector, "open_org", open_org)
    return names


SPECS: dict[str, tuple[JSON, JSON]] = {
    "plain": ({}, {}),
    "enforcing": ({"mode": "Enforce"}, {}),
    "deprovisioning": ({"deletionPolicy": "Deprovision"}, {}),
    "suspended": ({"suspend": True, "deletionPolicy": "Deprovision"}, {}),
    "for one person": ({}, {"annotations": {SYNC_USER: "ada@acme.com"}}),
    "being deleted": (
        {"deletionPolicy": "Deprovision"},
        {"deletionTimestamp": "2026-01-01T00:00:00Z", "finalizers": [FINALIZER]},
    ),
}


@pytest.mark.parametrize("allowed", REFUSED.values(), ids=REFUSED)
@pytest.mark.parametrize(("spec", "metadata"), SPECS.values(), ids=SPECS)
async def test_nothing_of_the_org_is_read_called_or_written(
    opened: list[str], allowed: JSON | None, spec: JSON, metadata: JSON
) -> None:
    scene = Scene(org(allowed), intruder(spec=spec, **metadata))
    await scene.work()
    assert scene.at_victim() == [] and opened == []
    assert not any(
        "/secrets" in call or "/configmaps/" in call for call in scene.api.calls if "ops" not in call
    )
    if not spec.get("suspend"):
        found = scene.condition("Ready")
        assert (found["status"], found["reason"]) == ("False", "NamespaceNotAllowed")


async def test_a_request_for_one_person_asks_nobody_about_that_person(opened: list[str]) -> None:
    asking = intruder(annotations={SYNC_USER: "ada@acme.com"})
    scene = Scene(org(None), with_status(asking, observedGeneration=1))
    await scene.work(Refresh(frozenset()))
    assert scene.at_victim() == [] and opened == []
    events = [one for path, one in scene.api.objects.items() if f"/{ATTACKER}/events" in path]
    assert [(one["reason"], "does not exist or does not allow" in one["message"]) for one in events] == [
        ("UserSyncFailed", True)
    ]


@pytest.mark.parametrize("allowed", GRANTED.values(), ids=GRANTED)
async def test_who_is_allowed_uses_it(opened: list[str], allowed: JSON) -> None:
    scene = Scene(org(allowed), intruder(spec={"deletionPolicy": "Deprovision"}))
    await scene.work()
    assert f"GET /api/v1/namespaces/{VICTIM}/secrets/victims-secret" in scene.at_victim()
    assert scene.operator._org_of(intruder()) == (f"OktaOrg/{VICTIM}/acme",)


async def test_a_leave_that_is_taken_back_ends_with_the_next_run(opened: list[str]) -> None:
    scene = Scene(org(GRANTED["its label"]), intruder())
    await scene.work()
    assert scene.at_victim() != []
    scene.api.put(f"/api/v1/namespaces/{ATTACKER}", {"metadata": {"name": ATTACKER, "labels": {}}})
    await scene.work()
    assert scene.at_victim() == []
    assert scene.condition("Ready")["reason"] == "NamespaceNotAllowed"


async def test_an_org_that_is_missing_and_one_that_refuses_look_the_same() -> None:
    messages = []
    for others in ([org(None)], []):
        scene = Scene(*others, intruder())
        await scene.work()
        found = scene.condition("Ready")
        messages.append((found["reason"], found["message"]))
    assert messages[0] == messages[1]


async def test_an_intruder_is_let_go_when_nothing_is_to_be_undone() -> None:
    gone = intruder(deletionTimestamp="2026-01-01T00:00:00Z", finalizers=[FINALIZER])
    scene = Scene(org(None), gone)
    await scene.work()
    place = f"{GROUP}/namespaces/{ATTACKER}/scimintegrations/calendly"
    assert scene.api.objects[place]["metadata"]["finalizers"] == []


@pytest.mark.parametrize(("allowed", "is_held"), [(None, False), *((one, True) for one in GRANTED.values())])
async def test_an_intruder_does_not_hold_the_deletion_of_the_org(allowed: JSON | None, is_held: bool) -> None:
    going = org(allowed, deletionTimestamp="2026-01-01T00:00:00Z", finalizers=[FINALIZER])
    scene = Scene(going, intruder(spec={"deletionPolicy": "Deprovision"}))
    kept = scene.operator.store.get("OktaOrg", VICTIM, "acme")
    assert kept is not None
    await scene.operator._finalizers.release_org(kept)
    place = f"{GROUP}/namespaces/{VICTIM}/oktaorgs/acme"
    assert scene.api.objects[place]["metadata"]["finalizers"] == ([FINALIZER] if is_held else [])


def knows(allowed: JSON | None, *others: JSON) -> Store:
    store = Store()
    for one in (org(allowed), *others):
        store.put(one)
    return store


@pytest.mark.parametrize("allowed", REFUSED.values(), ids=REFUSED)
def test_an_intruder_is_nobodys_rival_and_in_no_count(allowed: JSON | None) -> None:
    owner = body("ScimIntegration", "own", namespace=VICTIM)
    store = knows(allowed, owner, intruder(creationTimestamp="2020-01-01T00:00:00Z"))
    store.note_labels(ATTACKER, {"scim": "no"})
    assert rivals_of(store, owner["metadata"]["uid"], world.NOW) == ()
    assert len(users_of(store, VICTIM, "acme")) == 1
    assert usable_org(store, intruder()) is None


def test_until_labels_are_known_it_counts_if_it_has_used_the_org_and_is_a_rival_in_any_case() -> None:
    store = knows(GRANTED["its label"], intruder())
    assert may_use(store, intruder()) is None
    assert len(users_of(store, VICTIM, "acme")) == 0
    assert len(rivals_of(store, "", world.NOW)) == 1
    store.put(with_status(intruder(version=2), app={"id": "0oa1"}))
    assert len(users_of(store, VICTIM, "acme")) == 1


def test_an_intruder_shares_neither_the_pauses_nor_the_slots_of_the_org() -> None:
    scene = Scene(org(None), intruder())
    assert scene.operator._orgs_of(f"{ATTACKER}/calendly") == ()
    assert scene.operator._whose(f"{ATTACKER}/calendly").org == ""
    assert not any("acme.okta.com" in one for one in scene.operator._tenants_of(f"{ATTACKER}/calendly"))
