"""Probes, metrics and hooks over HTTP."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from controller.clock import ManualClock
from controller.errors import SpecError
from controller.metrics import Metrics
from controller.okta.events import LARGEST_HOOK, Change
from controller.operator.event_hooks import hook_listener, read_secret
from controller.operator.health import STALE_SECONDS, STUCK_SECONDS, Pulse, health_listener
from controller.operator.http_listener import Listener
from controller.settings import Settings

GOOD = {"Authorization": "s3cret"}


@contextlib.contextmanager
def listening(listener: Listener) -> Iterator[httpx.Client]:
    listener.start()
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{listener.port}", trust_env=False) as client:
            yield client
    finally:
        listener.stop()


def test_health_tells_a_stuck_loop_and_readiness() -> None:
    clock, metrics = ManualClock(), Metrics()
    pulse = Pulse(clock)
    with listening(health_listener("127.0.0.1", 0, metrics, pulse)) as client:
        assert client.get("/healthz").status_code == 200
        assert client.get("/readyz").status_code == 503
        pulse.state = "standby"
        assert client.get("/readyz").text == "standby\n"
        clock.advance(STUCK_SECONDS + 1)
        assert client.get("/healthz").status_code == 503
        scraped = client.get("/metrics?x=1")
        assert scraped.headers["content-type"].startswith("text/plain; version=0.0.4")
        assert "scim_operator_queue_depth" in scraped.text
        assert client.get("/other").status_code == 404

        assert client.post("/metrics").status_code == 501


def test_readiness_ends_when_the_resources_can_not_be_read_any_more_and_comes_back() -> None:
    clock = ManualClock()
    pulse = Pulse(clock)
    pulse.state = "ready"
    assert pulse.ready() == (200, b"ready\n")
    pulse.saw_api()
    clock.advance(STALE_SECONDS)
    assert pulse.ready() == (200, b"ready, resources read 60 s ago\n")
    clock.advance(1)
    assert pulse.ready()[0] == 503
    pulse.saw_api()
    assert pulse.ready()[0] == 200


async def test_a_heart_that_beats_is_alive() -> None:
    clock = ManualClock()
    pulse = Pulse(clock)
    clock.advance(STUCK_SECONDS + 1)
    beating = asyncio.create_task(pulse.beat())
    await asyncio.sleep(0)
    assert pulse.alive()[0] == 200
    beating.cancel()


def test_a_port_that_is_taken_is_told_by_its_setting() -> None:
    taken = health_listener("127.0.0.1", 0, Metrics(), Pulse(ManualClock()))
    with pytest.raises(SpecError, match="SCIM_OPERATOR_METRICS_PORT"):
        health_listener("127.0.0.1", taken.port, Metrics(), Pulse(ManualClock()))
    taken.stop()


def announced(port: int, length: int) -> int:
    """What is answered to a body that is only announced."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    connection.putrequest("POST", "/")
    connection.putheader("Authorization", GOOD["Authorization"])
    connection.putheader("Content-Length", str(length))
    connection.endheaders()
    status = connection.getresponse().status
    connection.close()
    return status


def test_hooks_let_nobody_in_without_the_secret_and_take_no_nonsense() -> None:
    taken: list[list[Change]] = []
    listener = hook_listener(Settings(hook_port=0), SecretStr("s3cret"), taken.append, "127.0.0.1")
    event = {
        "uuid": "e1",
        "eventType": "user.lifecycle.deactivate",
        "target": [{"type": "User", "id": "00u1"}],
    }
    body = {"data": {"events": [event]}}
    with listening(listener) as client:
        assert client.get("/").status_code == 404
        assert client.get("/", headers={"x-okta-verification-challenge": "c"}).json() == {"verification": "c"}
        assert client.post("/", json=body).status_code == 401
        assert client.post("/", json=body, headers={"Authorization": "guess"}).status_code == 401
        assert client.post("/", content=b"{", headers=GOOD).status_code == 400
        assert client.post("/", content=iter([b"{}"]), headers=GOOD).status_code == 411
        assert announced(listener.port, LARGEST_HOOK + 1) == 413
        assert taken == []
        assert client.post("/", json=body, headers=GOOD).status_code == 204
    assert [change.user_ids for change in taken[0]] == [{"00u1"}]


def test_hooks_need_a_secret_that_can_be_read(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    for content in (None, "", "\n"):
        if content is not None:
            secret.write_text(content)
        with pytest.raises(SpecError, match="SCIM_OPERATOR_HOOK_SECRET_FILE"):
            read_secret(Settings(hook_secret_file=str(secret)))
    with pytest.raises(SpecError, match="SCIM_OPERATOR_HOOK_SECRET_FILE"):
        read_secret(Settings())
    secret.write_text("s3cret\n")
    assert read_secret(Settings(hook_secret_file=str(secret))).get_secret_value() == "s3cret"
