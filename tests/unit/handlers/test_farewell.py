"""Resources whose definition goes are let go, and nothing else is."""

from __future__ import annotations

import pytest

from controller.api.meta import FINALIZER
from controller.clock import ManualClock
from controller.handlers.cluster import Cluster
from controller.handlers.farewell import let_go
from tests.unit.handlers.fakeapi import FakeApi

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


@pytest.mark.parametrize("verbs", [("get", "list", "create"), ()])
async def test_what_is_served_as_ever_or_not_at_all_is_left(verbs: tuple[str, ...]) -> None:
    api = served(*verbs)
    await let_go(Cluster(api, ManualClock()), ("team",))  # type: ignore[arg-type]
    assert api.writes() == []


async def test_without_any_of_our_kinds_there_is_nothing_to_let_go() -> None:
    api = FakeApi()
    await let_go(Cluster(api, ManualClock()), ())  # type: ignore[arg-type]
    assert api.writes() == []
