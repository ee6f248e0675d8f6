"""State of earlier versions, which everybody with `edit` could write: what is taken over of it, and once."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Mapping
from dataclasses import fields, replace
from datetime import UTC, datetime
from typing import Any

import pytest

from controller.clock import SystemClock
from controller.errors import Unauthorized
from controller.kube.state_store import About, StateStore, state_name
from controller.model.actions import ActionKind
from controller.model.actual import Deferred, Made, Memory, Touched
from controller.model.people import OktaId, ScimId
from controller.operator.state_migration import CARRIED, Mover, believed
from controller.reconcile.state_codec import decode_memory, encode_memory
from tests.unit.kube.fakeapi import FakeApi

JSON = dict[str, Any]
URL = "https://scim.example.com/v2/"
TENANT = URL.rstrip("/")
X = About("team", "x")
INTEGRATION: JSON = {
    "kind": "ScimIntegration",
    "metadata": {"namespace": "team", "name": "calendly", "uid": "1", "resourceVersion": "5"},
    "spec": {"provider": {"baseUrl": URL}},
}
ORG: JSON = {
    "kind": "OktaOrg",
    "metadata": {"namespace": "team", "name": "acme", "uid": "2", "resourceVersion": "6"},
    "status": {"orgId": "00o1"},
}
ADA = OktaId("ada")
FULL = Memory(
    pairs={ADA: ScimId("1")},
    adopted=frozenset({ADA}),
    creating={OktaId("bob"): "bob@acme.com"},
    window=(Touched("ada", "Removal", datetime(2026, 1, 1, tzinfo=UTC).isoformat()),),
    tenant=TENANT,
    app_id="0oa1",
    logins={ADA: ("ada@acme.com",)},
    approved="d" * 64,
    approved_keys=frozenset({"f" * 64}),
    people_read=40,
    credential="c",
    seat_history=(("2026-01-01", 3),),
    settled=frozenset({"s"}),
    deferred={ADA: {"email": Deferred("x", "y", "2026-01-01T00:00:00Z")}},
    rows={"Sales": ("departments", "Sales")},
    claims={"Sales": ("departments", "Sales")},
    placed={ADA: "Sales"},
    is_new=False,
    confirmed={ADA: 7},
    confirmed_paths="p",
    sign_ins={ADA: 100},
    made={"AssignGroup/00g1": Made(ActionKind.ASSIGN_GROUP, "00g1", (), (("name", "x"),))},
)


def short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


OLD_STATE = f"scim-state-{short(TENANT)}"
OLD_PLAN = f"scim-plan-{short('calendly')}"
OLD_LINK = f"scim-log-{short('00o1/')}"


class OldApi(FakeApi):
    """An API server at which an earlier version has left its maps in the namespace of users."""

    def __init__(self, may_delete: bool = True) -> None:
        super().__init__()
        self.may_delete = may_delete

    async def delete(self, path: str) -> JSON:
        if not self.may_delete and "/namespaces/team/" in path:
            raise Unauthorized("forbidden", system="Kubernetes", status=403)
        return await super().delete(path)

    async def fill(self, memory: Memory = FULL) -> None:
        old = StateStore(self, "team")  # type: ignore[arg-type]
        await old.save(OLD_STATE, encode_memory(memory), X)
        await old.save(OLD_PLAN, b"plan", X)
        await old.save(OLD_LINK, b"link", X)
        self.calls.clear()


async def move(api: FakeApi, *bodies: Mapping[str, Any]) -> None:
    await Mover(api, "ops", SystemClock(), "scim-operator", "").move(bodies or (INTEGRATION, ORG))  # type: ignore[arg-type]


async def moved(api: FakeApi) -> Memory | None:
    blob = await StateStore(api, "ops").load(state_name("team", TENANT))  # type: ignore[arg-type]
    return decode_memory(blob) if blob is not None else None


async def test_state_is_moved_without_what_grants_anything() -> None:
    api = OldApi()
    await api.fill()
    await move(api)
    found = await moved(api)
    assert found is not None
    assert (found.approved, found.approved_keys, found.creating, found.made) == ("", frozenset(), {}, {})
    assert (found.rows, found.claims, found.placed) == ({}, {}, {})
    assert found.is_new, "the first plan of a tenant that has accounts is held"
    assert (found.pairs, found.adopted, found.window) == (FULL.pairs, FULL.adopted, FULL.window)
    assert (found.logins, found.people_read) == (FULL.logins, 40)
    assert not [path for path in api.objects if "/namespaces/team/" in path]
    kept = api.objects[f"/api/v1/namespaces/ops/configmaps/{state_name('team', TENANT)}"]
    assert kept["metadata"]["labels"]["scim-operator.dev/namespace"] == "team"
    assert kept["metadata"]["annotations"] == {"scim-operator.dev/about": "team/calendly"}


def test_a_field_that_nobody_has_judged_is_not_taken_over() -> None:
    for field in fields(Memory):
        if field.name not in (*CARRIED, "is_new"):
            assert getattr(believed(encode_memory(FULL)), field.name) == getattr(Memory(), field.name)


async def test_what_is_written_into_the_old_place_later_is_never_read() -> None:
    api = OldApi()
    await move(api)
    await api.fill()
    await move(api)
    assert api.writes() == []
    assert await moved(api) is None


async def test_a_shard_and_another_release_move_what_is_theirs() -> None:
    api = OldApi()
    await move(api)
    await api.fill()
    await Mover(api, "ops", SystemClock(), "scim-operator", "eu").move([INTEGRATION])  # type: ignore[arg-type]
    assert await moved(api) is not None


async def test_state_that_is_there_is_not_overwritten_by_an_old_one() -> None:
    api = OldApi()
    newer = replace(FULL, people_read=7)
    await StateStore(api, "ops").save(state_name("team", TENANT), encode_memory(newer), X)  # type: ignore[arg-type]
    await api.fill()
    await move(api)
    assert await moved(api) == newer


async def test_without_the_right_to_delete_an_event_says_what_to_do() -> None:
    api = OldApi(may_delete=False)
    await api.fill()
    await move(api)
    events = [body for path, body in api.objects.items() if "/events/" in path]
    assert {body["reason"] for body in events} == {"StateLeftBehind"}
    told = next(body["message"] for body in events if body["involvedObject"]["name"] == "calendly")
    assert OLD_STATE in told and OLD_PLAN in told and "kubectl delete configmap -n team" in told
    api.calls.clear()
    await move(api)
    assert api.writes() == [], "told once"
    assert await moved(api) is not None


async def test_state_that_may_not_be_read_counts_as_lost(caplog: pytest.LogCaptureFixture) -> None:
    api = OldApi()
    await api.fill()
    read = api.get

    async def refuses(path: str, *more: Any, **others: Any) -> JSON:
        if "/namespaces/team/" in path:
            raise Unauthorized("forbidden", system="Kubernetes", status=403)
        return await read(path, *more, **others)

    api.get = refuses  # type: ignore[method-assign]
    await move(api)
    assert await moved(api) is None
    assert "cannot be read" in caplog.text


HOSTILE: dict[str, Any] = {
    "pairs": {"ada": 5},
    "adopted": [{"x": 1}],
    "window": [["ada", "Removal", "yesterday"]],
    "logins": {"ada": [["x"]]},
    "peopleRead": "many",
    "seatHistory": [["2026-01-01", "x"]],
    "deferred": {"ada": {"email": {}}},
    "confirmed": "AAAA",
    "signIns": 7,
    "settled": 3,
    "tenant": [],
}


@pytest.mark.parametrize("field", HOSTILE)
async def test_what_is_no_state_counts_as_lost(field: str) -> None:
    raw = json.loads(gzip.decompress(encode_memory(FULL)))
    blob = gzip.compress(json.dumps({**raw, field: HOSTILE[field]}).encode())
    with pytest.raises(ValueError):
        believed(blob)
    api = OldApi()
    await StateStore(api, "team").save(OLD_STATE, blob, X)  # type: ignore[arg-type]
    await move(api)
    assert await moved(api) is None


BOMB = gzip.compress(bytes(200 * 1024 * 1024))
NO_MEMORY = {
    "nothing": b"",
    "not compressed": b"{}",
    "a list": gzip.compress(b"[]"),
    "deep": gzip.compress(b"[" * 100_000),
    "compressed twice": gzip.compress(encode_memory(FULL)),
    "cut short": encode_memory(FULL)[:-9],
    "a bomb": BOMB,
}


@pytest.mark.parametrize("blob", NO_MEMORY.values(), ids=NO_MEMORY)
def test_what_is_no_memory_at_all_is_refused(blob: bytes) -> None:
    with pytest.raises(ValueError):
        believed(blob)
