"""State in ConfigMaps: whole, small writes, large blobs in parts, damage, rivals."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from controller.errors import Conflict
from controller.kube.state_store import CHUNK, About, StateStore, plan_name, state_name
from controller.model.actual import Memory
from controller.model.people import OktaId, ScimId
from controller.model.plan import Frozen
from controller.operator.state_cache import Memories
from controller.reconcile.state_codec import decode_memory
from tests.unit.kube.fakeapi import FakeApi
from tests.unit.planning import world
from tests.unit.reconcile.reports import NOW, action, failed, report, resource

MAPS = "/api/v1/namespaces/ops/configmaps"
X = About("team", "team/calendly")


def noise(size: int, seed: int = 1) -> bytes:
    return random.Random(seed).randbytes(size)


async def test_a_blob_comes_back_and_is_written_only_when_it_changes() -> None:
    api = FakeApi()
    store = StateStore(api, "ops")
    assert await store.load("s") is None
    await store.save("s", b"one", X)
    writes = len(api.writes())
    await store.save("s", b"one", X)
    assert len(api.writes()) == writes
    assert await StateStore(api, "ops").load("s") == b"one"
    stored = api.objects[f"{MAPS}/s"]
    assert stored["metadata"]["annotations"] == {"scim-operator.dev/about": "team/calendly"}


async def test_a_large_blob_goes_into_parts_that_change_sides() -> None:
    api = FakeApi()
    store = StateStore(api, "ops")
    first, second = noise(CHUNK * 2 + 5), noise(CHUNK + 1, 2)
    await store.save("s", first, X)
    assert sorted(api.objects) == [f"{MAPS}/s", f"{MAPS}/s-a0", f"{MAPS}/s-a1", f"{MAPS}/s-a2"]
    assert await StateStore(api, "ops").load("s") == first
    await store.save("s", second, X)
    assert sorted(api.objects) == [f"{MAPS}/s", f"{MAPS}/s-b0", f"{MAPS}/s-b1"]
    assert await StateStore(api, "ops").load("s") == second
    await store.save("s", b"small", X)
    assert sorted(api.objects) == [f"{MAPS}/s"]
    await store.delete("s")
    await store.delete("s")
    assert api.objects == {}


async def test_a_crash_before_the_head_leaves_the_old_state_whole() -> None:
    api = FakeApi()
    store = StateStore(api, "ops")
    old = noise(CHUNK + 1)
    await store.save("s", old, X)

    original = api.apply

    async def dies_at_the_head(path: str, body: dict[str, object], **more: str) -> dict[str, object]:
        if path.endswith("/s"):
            raise KeyboardInterrupt
        return await original(path, body, **more)

    api.apply = dies_at_the_head  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        await store.save("s", noise(CHUNK + 1, 2), X)
    assert await StateStore(api, "ops").load("s") == old


async def test_damage_counts_as_lost(caplog: pytest.LogCaptureFixture) -> None:
    api = FakeApi()
    await StateStore(api, "ops").save("s", noise(CHUNK + 1), X)
    del api.objects[f"{MAPS}/s-a1"]
    assert await StateStore(api, "ops").load("s") is None
    api.objects[f"{MAPS}/s"]["data"]["parts"] = "many"
    api.objects[f"{MAPS}/s"]["binaryData"] = {"part": "%"}
    assert await StateStore(api, "ops").load("s") is None
    assert "counts as lost" in caplog.text


async def test_who_has_read_the_past_does_not_overwrite() -> None:
    api = FakeApi()
    one, other = StateStore(api, "ops"), StateStore(api, "ops")
    await one.save("s", b"1", X)
    await other.load("s")
    await one.save("s", b"2", X)
    with pytest.raises(Conflict):
        await other.save("s", b"3", X)
    other.forget("s")
    assert await other.load("s") == b"2"


INTEGRATION = resource("ScimIntegration")


async def test_memory_is_cached_stored_when_it_changes_and_found_again() -> None:
    api = FakeApi()
    memories = Memories(StateStore(api, "ops"))
    assert (await memories.load(INTEGRATION)).memory == Memory()
    memory = world.memory(pairs={OktaId("00u1"): ScimId("s1")}, confirmed={OktaId("00u1"): 5})
    await memories.save(INTEGRATION, report(memory=memory))
    writes = len(api.writes())
    await memories.save(INTEGRATION, report(memory=memory))
    assert len(api.writes()) == writes
    assert (await memories.load(INTEGRATION)).memory.confirmed == {"00u1": 5}
    fresh = await Memories(StateStore(api, "ops")).load(INTEGRATION)
    assert fresh.memory.pairs == {"00u1": "s1"}
    assert fresh.memory.confirmed == {"00u1": 5}


async def test_what_is_kept_before_a_run_writes_is_found_after_a_crash() -> None:
    api = FakeApi()
    memories = Memories(StateStore(api, "ops"))
    await memories.load(INTEGRATION)
    intent = world.memory(creating={OktaId("00u1"): "p1@acme.com"})
    await memories.keep(INTEGRATION, intent)
    assert (await Memories(StateStore(api, "ops")).load(INTEGRATION)).memory == intent
    rival = Memories(StateStore(api, "ops"))
    await rival.load(INTEGRATION)
    await rival.keep(INTEGRATION, world.memory())
    with pytest.raises(Conflict):
        await memories.keep(INTEGRATION, world.memory(people_read=7))
    assert (await memories.load(INTEGRATION)).memory == world.memory()


async def test_a_frozen_plan_comes_and_goes() -> None:
    api = FakeApi()
    memories = Memories(StateStore(api, "ops"))
    frozen = Frozen("d" * 64, 1, NOW, (action(),))
    await memories.save(INTEGRATION, report(verdict={"frozen": frozen}))
    assert (await Memories(StateStore(api, "ops")).load(INTEGRATION)).frozen == frozen
    await memories.save(INTEGRATION, report())
    assert f"{MAPS}/{plan_name('team', 'calendly')}" not in api.objects
    await memories.delete(INTEGRATION)
    assert api.objects == {}


async def test_a_run_without_a_plan_stores_nothing() -> None:
    api = FakeApi()
    await Memories(StateStore(api, "ops")).save(INTEGRATION, failed(KeyError()))
    assert api.calls == []


async def test_state_that_cannot_be_read_is_lost_and_a_conflict_forgets_the_cache() -> None:
    api = FakeApi()
    name = state_name("team", INTEGRATION.spec.provider.base_url)
    for place in (name, plan_name("team", "calendly")):
        await StateStore(api, "ops").save(place, b"nonsense", X)
    memories = Memories(StateStore(api, "ops"))
    held = await memories.load(INTEGRATION)
    assert (held.memory, held.frozen) == (Memory(), None)
    await StateStore(api, "ops").save(name, b"somebody else", X)
    with pytest.raises(Conflict):
        await memories.save(INTEGRATION, report(memory=world.memory()))
    again = Memories(StateStore(api, "ops"))
    await again.load(INTEGRATION)
    await again.save(INTEGRATION, report(memory=world.memory()))
    blob = await StateStore(api, "ops").load(name)
    assert blob is not None
    assert decode_memory(blob).tenant == world.URL


async def test_another_base_url_is_another_tenant() -> None:
    api = FakeApi()
    memories = Memories(StateStore(api, "ops"))
    await memories.load(INTEGRATION)
    await memories.save(INTEGRATION, report(memory=world.memory()))
    moved = INTEGRATION.spec.model_copy(
        update={
            "provider": INTEGRATION.spec.provider.model_copy(update={"base_url": "https://other.example.com"})
        }
    )
    held = await memories.load(replace(INTEGRATION, spec=moved))
    assert held.memory == Memory()
