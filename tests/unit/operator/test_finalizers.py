"""Resources whose definition goes are let go, and nothing else is."""

from __future__ import annotations

from typing import cast

import pytest

from controller.api.meta import FINALIZER
from controller.clock import ManualClock
from controller.errors import Conflict, Unauthorized, Waiting
from controller.operator.cluster import Cluster
from controller.operator.finalizers import Finalizers, let_go
from controller.operator.status_writer import Reporter
from controller.operator.store import Store
from tests.unit.kube.fakeapi import FakeApi

DISCOVERY = "/apis/scim-operator.dev/v1alpha1"
PLACE = f"{DISCOVERY}/namespaces/team/scimintegrations/calendly"


def served(*verbs: str) -> FakeApi:
    api = FakeApi()
    api.put(DISCOVERY, {"resources": [{"name": "scimintegrations", "verbs": list(verbs)}]})
    held = {"name": "calendly", "namespace": "team", "finalizers": ["other/one", FINALIZER]}
    api.put(PLACE, {"metadata": held})
    free = {"name": "free", "namespace": "team"}
    api.put(f"{DISCOVERY}/namespaces/team/scimintegrations/free", {"metadata": free})
    return api


async def test_what_waits_for_us_under_a_dying_definition_is_let_go() -> None:
    api = served("get", "list", "delete")
    await let_go(Cluster(api, ManualClock()), ("team",))  # type: ignore[arg-type]
    assert api.objects[PLACE]["metadata"]["finalizers"] == ["other/one"]
    assert api.writes() == [f"PATCH {PLACE}"]


async def test_a_resource_that_somebody_else_has_just_changed_is_let_go_all_the_same() -> None:
    api = served("get", "list", "delete")
    cluster = Cluster(api, ManualClock())  # type: ignore[arg-type]
    stale = {**await api.get(PLACE), "kind": "ScimIntegration"}
    api.put(PLACE, {"metadata": {**stale["metadata"], "finalizers": [FINALIZER, "their/own"]}})
    await cluster.set_finalizer(stale, False)
    assert api.objects[PLACE]["metadata"]["finalizers"] == ["their/own"]
    api.put(PLACE, {"metadata": {**stale["metadata"], "uid": "another", "finalizers": [FINALIZER]}})
    assert await cluster.set_finalizer(stale, False) is None, "another one of that name"
    assert api.objects[PLACE]["metadata"]["finalizers"] == [FINALIZER]
    del api.objects[PLACE]
    assert await cluster.set_finalizer(stale, False) is None


async def test_a_resource_that_changes_all_the_time_is_told() -> None:
    api = served("get", "list", "delete")
    stale = {**await api.get(PLACE), "kind": "ScimIntegration"}
    api.broken = Conflict("changed meanwhile", system="Kubernetes", status=409)

    async def found(_: str) -> object:
        return stale

    api.get = found  # type: ignore[assignment, method-assign]
    cluster = Cluster(api, ManualClock())  # type: ignore[arg-type]
    with pytest.raises(Conflict):
        await cluster.set_finalizer(stale, False)


@pytest.mark.parametrize("verbs", [("get", "list", "create"), ()])
async def test_what_is_served_as_ever_or_not_at_all_is_left(verbs: tuple[str, ...]) -> None:
    api = served(*verbs)
    await let_go(Cluster(api, ManualClock()), ("team",))  # type: ignore[arg-type]
    assert api.writes() == []


async def test_without_any_of_our_kinds_there_is_nothing_to_let_go() -> None:
    api = FakeApi()
    await let_go(Cluster(api, ManualClock()), ())  # type: ignore[arg-type]
    assert api.writes() == []


NAMESPACE = "/api/v1/namespaces/team"
ALIVE = {"metadata": {"name": "team"}}
DYING = {"metadata": {"name": "team", "deletionTimestamp": "2026-01-01T00:00:00Z"}}
ALL = ("get", "list", "create", "delete")
REASONS = (
    ("asked for", {"deletionPolicy": "Deprovision"}, ALL, ALIVE, ""),
    ("not asked for", {}, ALL, ALIVE, "spec.deletionPolicy is Orphan"),
    ("suspended", {"deletionPolicy": "Deprovision", "suspend": True}, ALL, ALIVE, "spec.suspend is true"),
    (
        "its definition goes",
        {"deletionPolicy": "Deprovision"},
        ("get", "list", "delete"),
        ALIVE,
        "its CustomResourceDefinition is being deleted",
    ),
    ("its namespace goes", {"deletionPolicy": "Deprovision"}, ALL, DYING, "its namespace is being deleted"),
    ("its namespace is gone", {"deletionPolicy": "Deprovision"}, ALL, None, "its namespace is being deleted"),
)


def finalizers(api: FakeApi) -> Finalizers:
    cluster = Cluster(api, ManualClock())  # type: ignore[arg-type]
    return Finalizers(Store(), cluster, cast(Reporter, None))


@pytest.mark.parametrize(("case", "spec", "verbs", "namespace", "why"), REASONS, ids=[r[0] for r in REASONS])
async def test_what_is_being_deleted_around_an_integration_deprovisions_nobody(
    case: str, spec: dict[str, object], verbs: tuple[str, ...], namespace: dict[str, object] | None, why: str
) -> None:
    api = served(*verbs)
    if namespace is not None:
        api.put(NAMESPACE, namespace)
    body = {"metadata": {"name": "calendly", "namespace": "team"}, "spec": spec}
    assert await finalizers(api).why_released(body) == why, case
    assert api.writes() == []


async def test_where_the_namespace_may_not_be_read_nothing_is_undone_and_the_way_out_is_told() -> None:
    api = served(*ALL)
    finalizers_, body = finalizers(api), {"metadata": {"name": "x", "namespace": "team"}}
    get = api.get

    async def forbidden(path: str, *rest: object, **more: object) -> dict[str, object]:
        if path == NAMESPACE:
            raise Unauthorized("forbidden", system="Kubernetes", status=403)
        return await get(path)

    api.get = forbidden  # type: ignore[method-assign]
    with pytest.raises(Waiting, match=r"grant get on namespaces, or set spec\.deletionPolicy to Orphan"):
        await finalizers_.why_released({**body, "spec": {"deletionPolicy": "Deprovision"}})
