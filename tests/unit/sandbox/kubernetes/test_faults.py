"""Faults of the embedded API: whom they strike, how often, and that nothing else is touched."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from controller.clock import SystemClock
from scim_sandbox.kubernetes.app import build_app
from scim_sandbox.serving import serve

MAPS = "/api/v1/namespaces/default/configmaps"


@pytest.fixture
async def api() -> AsyncIterator[httpx.AsyncClient]:
    """A client of a served API that lets everybody in."""
    served = await serve(build_app(SystemClock(), None))
    async with httpx.AsyncClient(base_url=served.url, trust_env=False, timeout=10) as client:
        yield client
    await served.stop()


async def fault(api: httpx.AsyncClient, kind: str, **more: Any) -> None:
    answer = await api.post("/_control/faults", json={"kind": kind, **more})
    assert answer.status_code == 201, answer.text


def body(name: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}}


async def test_a_refusal_strikes_as_often_as_it_was_told_to_and_has_no_effect(api: httpx.AsyncClient) -> None:
    await fault(api, "status", status=409, method="POST", path=MAPS, times=2)
    codes = [(await api.post(MAPS, json=body("one"))).status_code for _ in range(3)]
    assert codes == [409, 409, 201]


async def test_too_many_requests_say_when_to_come_back(api: httpx.AsyncClient) -> None:
    await fault(api, "status", status=429)
    answer = await api.get(MAPS)
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "1")
    assert answer.json()["reason"] == "TooManyRequests"
    await api.delete("/_control/faults")
    assert (await api.get(MAPS)).status_code == 200


@pytest.mark.parametrize(
    ("about", "path", "watches", "strikes"),
    [
        ({"path": MAPS}, MAPS, False, True),
        ({"path": MAPS}, f"{MAPS}/one", False, True),
        ({"path": "/api/v1/*/secrets*"}, MAPS, False, False),
        ({"path": "/api/v1/*/configmaps*"}, MAPS, False, True),
        ({"method": "WATCH"}, MAPS, False, False),
        ({"method": "WATCH"}, MAPS, True, True),
        ({"method": "GET"}, MAPS, True, False),
    ],
)
async def test_whom_a_fault_strikes(
    api: httpx.AsyncClient, about: dict[str, str], path: str, watches: bool, strikes: bool
) -> None:
    await fault(api, "status", status=503, **about)
    query = {"watch": "true", "timeoutSeconds": "1"} if watches else {}
    answer = await api.get(path, params=query)
    assert (answer.status_code == 503) is strikes


@pytest.mark.parametrize(
    ("kind", "has_effect"), [("disconnect", False), ("lost-answer", True), ("hang", False)]
)
async def test_a_connection_that_is_lost(api: httpx.AsyncClient, kind: str, has_effect: bool) -> None:
    await fault(api, kind, method="POST", seconds=0.05)
    with pytest.raises(httpx.RemoteProtocolError):
        await api.post(MAPS, json=body("one"))
    await api.delete("/_control/faults")
    assert ((await api.get(f"{MAPS}/one")).status_code == 200) is has_effect


async def read_watch(api: httpx.AsyncClient, version: str) -> str:
    query = {"watch": "true", "resourceVersion": version, "timeoutSeconds": "5"}
    async with api.stream("GET", MAPS, params=query) as answer:
        return (await answer.aread()).decode()


@pytest.mark.parametrize("kind", ["cut-watches", "compact"])
async def test_a_watch_that_is_cut_ends_and_goes_on_where_the_past_is_known(
    api: httpx.AsyncClient, kind: str
) -> None:
    version = (await api.get(MAPS)).json()["metadata"]["resourceVersion"]
    watching = asyncio.create_task(read_watch(api, version))
    await asyncio.sleep(0.1)
    await fault(api, kind)
    assert await asyncio.wait_for(watching, 2) == ""
    fresh = (await api.get(MAPS)).json()["metadata"]["resourceVersion"]
    watching = asyncio.create_task(read_watch(api, version))
    await asyncio.sleep(0.1)
    await fault(api, "cut-watches")
    is_gone = '"code":410' in await watching
    assert is_gone is (kind == "compact")
    watching = asyncio.create_task(read_watch(api, fresh))
    await asyncio.sleep(0.1)
    await fault(api, "cut-watches")
    assert await watching == ""


@pytest.mark.parametrize(
    ("method", "path", "content", "code", "words"),
    [
        ("POST", "/_control/faults", b"nonsense", 400, "JSON object"),
        ("POST", "/_control/faults", b'{"kind": "flood"}', 400, "kind: 'flood' is none of status"),
        ("POST", "/_control/faults", b'{"kind": "status", "status": "x"}', 400, "status"),
        ("POST", "/_control/faults", b'{"kind": "status", "colour": "red"}', 400, "colour"),
        ("PUT", "/_control/faults", b"", 405, "PUT"),
        ("GET", "/_control/else", b"", 404, "/_control/faults"),
    ],
)
async def test_a_fault_that_cannot_be_is_refused_by_its_field(
    api: httpx.AsyncClient, method: str, path: str, content: bytes, code: int, words: str
) -> None:
    answer = await api.request(method, path, content=content)
    assert answer.status_code == code
    assert words in answer.json()["message"]
    assert (await api.get("/_control/faults")).json() == {"faults": []}
