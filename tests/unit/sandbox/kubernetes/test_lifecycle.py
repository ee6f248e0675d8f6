"""What must exist first, and what goes with what."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.contract.kubernetes.player import MERGE
from tests.contract.kubernetes.scenario import DEFINITION, DEFINITIONS
from tests.contract.kubernetes.widgets import CRD, GROUP, widget

NAMESPACES = "/api/v1/namespaces"
WIDGETS = f"/apis/{GROUP}/v1/namespaces/play/widgets"
HELD = {"finalizers": [f"{GROUP}/keep"]}
FREE = {"metadata": {"finalizers": None}}


@pytest.fixture
async def play(api: httpx.AsyncClient) -> httpx.AsyncClient:
    """A namespace with one widget that a finalizer holds, and a config map."""
    await api.post(NAMESPACES, json={"metadata": {"name": "play"}})
    await api.post(WIDGETS, json=widget("held", {"size": 1}, **HELD))
    await api.post(f"{NAMESPACES}/play/configmaps", json={"metadata": {"name": "c"}})
    return api


async def phase(api: httpx.AsyncClient) -> str | None:
    answer = await api.get(f"{NAMESPACES}/play")
    return answer.json()["status"]["phase"] if answer.status_code == 200 else None


async def test_a_namespace_goes_when_its_contents_have_gone(play: httpx.AsyncClient) -> None:
    assert (await play.delete(f"{NAMESPACES}/play")).json()["status"]["phase"] == "Terminating"
    assert (await play.get(f"{NAMESPACES}/play/configmaps/c")).status_code == 404
    assert await phase(play) == "Terminating"
    await play.patch(f"{WIDGETS}/held", json=FREE, headers=MERGE)
    assert await phase(play) is None


async def test_a_namespace_with_a_finalizer_of_its_own_waits_for_it(play: httpx.AsyncClient) -> None:
    await play.patch(f"{NAMESPACES}/play", json={"metadata": HELD}, headers=MERGE)
    await play.delete(f"{NAMESPACES}/play")
    await play.patch(f"{WIDGETS}/held", json=FREE, headers=MERGE)
    assert await phase(play) == "Terminating"
    await play.patch(f"{NAMESPACES}/play", json=FREE, headers=MERGE)
    assert await phase(play) is None


async def test_nothing_is_created_in_a_namespace_that_goes(play: httpx.AsyncClient) -> None:
    await play.delete(f"{NAMESPACES}/play")
    answer = await play.post(WIDGETS, json=widget("late", {"size": 1}))
    assert answer.status_code == 403
    assert answer.json()["details"]["causes"][0]["reason"] == "NamespaceTerminating"


async def test_the_first_namespaces_stay(api: httpx.AsyncClient) -> None:
    answer = await api.delete(f"{NAMESPACES}/default")
    assert (answer.status_code, answer.json()["reason"]) == (403, "Forbidden")


async def test_an_empty_namespace_goes_at_once(api: httpx.AsyncClient) -> None:
    await api.post(NAMESPACES, json={"metadata": {"name": "play"}})
    await api.delete(f"{NAMESPACES}/play")
    assert await phase(api) is None


async def test_a_definition_goes_when_its_objects_have_gone(play: httpx.AsyncClient) -> None:
    deleted: Any = (await play.delete(DEFINITION)).json()
    conditions = {one["type"]: one["status"] for one in deleted["status"]["conditions"]}
    assert conditions["Terminating"] == "True"
    late = await play.post(WIDGETS, json=widget("late", {"size": 1}))
    assert (late.status_code, late.json()["reason"]) == (405, "MethodNotAllowed")
    await play.patch(f"{WIDGETS}/held", json=FREE, headers=MERGE)
    assert (await play.get(DEFINITION)).status_code == 404
    assert (await play.get(WIDGETS)).text == "404 page not found\n"


async def test_a_definition_made_again_starts_empty(play: httpx.AsyncClient) -> None:
    await play.delete(DEFINITION)
    await play.patch(f"{WIDGETS}/held", json=FREE, headers=MERGE)
    assert (await play.post(DEFINITIONS, json=CRD)).status_code == 201
    assert (await play.get(WIDGETS)).json()["items"] == []


async def test_deleting_twice_changes_nothing(play: httpx.AsyncClient) -> None:
    first = (await play.delete(f"{WIDGETS}/held")).json()
    assert (await play.delete(f"{WIDGETS}/held")).json() == first


async def test_owner_references_are_not_collected(play: httpx.AsyncClient) -> None:
    owner = (await play.get(f"{WIDGETS}/held")).json()
    reference = {
        "apiVersion": owner["apiVersion"],
        "kind": "Widget",
        "name": "held",
        "uid": owner["metadata"]["uid"],
    }
    await play.post(WIDGETS, json=widget("owned", {"size": 1}, ownerReferences=[reference]))
    await play.delete(f"{WIDGETS}/held")
    await play.patch(f"{WIDGETS}/held", json=FREE, headers=MERGE)
    assert (await play.get(f"{WIDGETS}/owned")).status_code == 200
