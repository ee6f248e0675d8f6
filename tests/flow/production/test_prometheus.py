"""The chart's alerts and dashboard on a real Prometheus that scrapes the operator: each alert is caused."""

from __future__ import annotations

import asyncio
import base64
import math
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import yaml

from controller.clock import SystemClock
from controller.kube.paths import object_path
from controller.metrics import Metrics
from controller.operator.health import Pulse, health_listener
from controller.reconcile import engine
from controller.settings import Settings
from scim_sandbox.okta.systemlog import target
from scim_sandbox.run import Setup, World, open_world
from tests.flow.conftest import Flow, says
from tests.flow.production.monitor import CHART, Prometheus, panels, watching

pytestmark = pytest.mark.slow
on_the_world = pytest.mark.asyncio(loop_scope="module")

READY = says("Ready", "True", "Succeeded")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """One whose System Log is read often."""
    settings = Settings(allow_http_loopback=True, metrics_port=0, log_poll_seconds=5)
    async with open_world(Setup(tmp_path_factory.mktemp("world"), settings=settings)) as opened:
        yield opened


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def prometheus(world: World, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Prometheus]:
    async with watching(tmp_path_factory.mktemp("prometheus"), world.access.metrics_url) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def ready(flow: Flow) -> AsyncIterator[Flow]:
    """The quickstart, Ready."""
    await flow.apply_quickstart()
    await flow.until("ScimIntegration", "calendly", READY)
    await flow.until("SeatLimit", "calendly", READY)
    yield flow
    await flow.mend()


def is_about(alert: dict[str, Any], name: str, text: str) -> bool:
    """Whether it names the resource, and its texts are whole."""
    texts = " ".join(alert["annotations"].values())
    assert "<no value>" not in texts and "error" not in texts.lower()
    return alert["labels"]["namespace"] == "default" and alert["labels"]["name"] == name and text in texts


@on_the_world
async def test_seats_that_run_out_are_told_in_three_steps(ready: Flow, prometheus: Prometheus) -> None:
    assert is_about(await prometheus.until_firing("ScimSeatsNearLimit"), "calendly", "80%")
    assert "ScimSeatsFull" not in await prometheus.firing()
    used = (await ready.get("SeatLimit", "calendly"))["status"]["seats"]["used"]
    await ready.patch("SeatLimit", "calendly", {"spec": {"seats": used}})
    assert is_about(await prometheus.until_firing("ScimSeatsFull"), "calendly", "No seat is free")
    people = await ready.okta_send("GET", "/api/v1/users?limit=200")
    seated = {person["userName"] for person in await ready.provider.people()}
    logins = [one["profile"]["login"] for one in people if one["profile"]["login"] not in seated]
    await ready.okta.assign(logins[:2])
    await ready.reconcile()
    assert is_about(await prometheus.until_firing("ScimPeopleWaitForSeat"), "calendly", "2 people wait")
    await ready.admin.send("POST", "/billing/seats", {"purchased": used + 50})
    await ready.patch("SeatLimit", "calendly", {"spec": {"seats": used + 50}})
    await prometheus.until_quiet("ScimSeatsNearLimit", "ScimSeatsFull", "ScimPeopleWaitForSeat")


@on_the_world
async def test_drift_that_is_only_reported_lasts(ready: Flow, prometheus: Prometheus) -> None:
    await ready.patch("ScimIntegration", "calendly", {"spec": {"drift": "Report"}})
    person = (await ready.provider.people())[0]
    await ready.provider.edit(person["userName"], displayName="Somebody Else")
    await ready.reconcile()
    assert is_about(await prometheus.until_firing("ScimDriftLasting"), "calendly", "1 differences")
    await ready.patch("ScimIntegration", "calendly", {"spec": {"drift": "Correct"}})
    await ready.reconcile()
    await prometheus.until_quiet("ScimDriftLasting")


@on_the_world
async def test_an_okta_that_fails_makes_nothing_ready_and_nothing_succeed(
    ready: Flow, prometheus: Prometheus
) -> None:
    await ready.fault("status", "/api/v1/*", status=503)
    await ready.patch("ScimIntegration", "calendly", {"spec": {"interval": "1m"}})
    alert = await prometheus.until_firing("ScimResourceNotReady", kind="ScimIntegration")
    assert is_about(alert, "calendly", "is not ready")
    assert is_about(await prometheus.until_firing("ScimNoSuccess"), "calendly", "no successful run")
    await ready.mend()
    await ready.reconcile()
    await prometheus.until_quiet("ScimResourceNotReady")


@on_the_world
async def test_a_step_that_nobody_does_is_told(ready: Flow, prometheus: Prometheus) -> None:
    await ready.patch("ScimIntegration", "calendly", {"spec": {"provider": {"admin": None}}})
    alert = await prometheus.until_firing("ScimManualStepOpen")
    assert is_about(alert, "calendly", "has waited for a person")


@on_the_world
async def test_a_token_that_expires_soon_is_told_with_its_holder(ready: Flow, prometheus: Prometheus) -> None:
    asked = {"name": "short", "scopes": ["scim"], "expiresIn": 2 * 86400}
    issued = await ready.admin.send("POST", "/tokens", asked)
    value = {"data": {"token": base64.b64encode(issued["token"].encode()).decode()}}
    await ready.api.patch(object_path("v1", "secrets", "default", "calendly-scim"), value, manager="kubectl")
    await ready.reconcile()
    alert = await prometheus.until_firing("ScimTokenExpiring", holder="operator")
    assert is_about(alert, "calendly", "SCIM token of operator") and "expires in 1d 23h" in str(alert)


@on_the_world
async def test_a_safeguard_that_trips_is_told_the_first_time(ready: Flow, prometheus: Prometheus) -> None:
    tight = {"minimum": 0, "removals": {"count": 1, "percent": 1}}
    await ready.patch("ScimIntegration", "calendly", {"spec": {"safeguards": tight}})
    groups = await ready.okta_send("GET", "/api/v1/groups?q=Calendly%20users")
    members = await ready.okta_send("GET", f"/api/v1/groups/{groups[0]['id']}/users")
    for member in members[:3]:
        await ready.okta_send("DELETE", f"/api/v1/groups/{groups[0]['id']}/users/{member['id']}")
    await ready.reconcile()
    assert is_about(await prometheus.until_firing("ScimSafeguardTripped"), "calendly", "A safeguard holds")
    for member in members[:3]:
        await ready.okta_send("PUT", f"/api/v1/groups/{groups[0]['id']}/users/{member['id']}")
    await ready.reconcile()


@on_the_world
async def test_an_operator_that_is_gone_is_told(tmp_path: Path) -> None:
    clock, metrics = SystemClock(), Metrics()
    metrics.build_info.labels("1").set(1)
    server = health_listener("127.0.0.1", 0, metrics, Pulse(clock))
    server.start()
    async with watching(tmp_path, f"http://127.0.0.1:{server.port}/metrics") as own:
        await own.until_quiet("ScimOperatorAbsent")
        await asyncio.to_thread(server.stop)
        await own.until_firing("ScimOperatorAbsent")


@on_the_world
async def test_okta_that_deactivates_many_is_told(ready: Flow, world: World, prometheus: Prometheus) -> None:
    app_id = (await ready.get("ScimIntegration", "calendly"))["status"]["app"]["id"]
    for person in (await ready.okta_send("GET", f"/api/v1/apps/{app_id}/users?limit=5"))[:5]:
        people = (target("AppInstance", app_id, "Calendly"), target("User", person["id"], "somebody"))
        world.org.log.record("application.provision.user.deactivate", *people)
    alert = await prometheus.until_firing("ScimOktaDeactivatesMany")
    assert is_about(alert, "calendly", "no safeguard holds it")


@on_the_world
async def test_a_bug_is_told(ready: Flow, prometheus: Prometheus, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("planted")

    with monkeypatch.context() as planted:
        planted.setattr(engine, "build_desired", broken)
        await ready.annotate("ScimIntegration", "calendly", requested_at="bug")
        alert = await prometheus.until_firing("ScimUnexpectedError")
        assert "is a bug" in alert["annotations"]["summary"]
    await ready.until("ScimIntegration", "calendly", READY)


@on_the_world
async def test_every_panel_of_the_dashboard_has_data(ready: Flow, prometheus: Prometheus) -> None:
    await ready.reconcile()
    await ready.reconcile()
    empty = {(title, query) for title, queries in panels().items() for query in queries}
    async with asyncio.timeout(30):
        while empty:
            for title, query in list(empty):
                if any(not math.isnan(value) for _, value in await prometheus.query(query)):
                    empty.discard((title, query))


@on_the_world
async def test_a_budget_that_others_eat_up_is_told(ready: Flow, prometheus: Prometheus) -> None:
    """The last one, since the operator then waits for Okta's minute to be over."""
    eating = asyncio.create_task(eat(ready))
    try:
        await ready.annotate("ScimIntegration", "calendly", requested_at="now")
        alert = await prometheus.until_firing("ScimOktaBudgetExhausted")
    finally:
        eating.cancel()
        await asyncio.gather(eating, return_exceptions=True)
    assert alert["labels"]["lane"] in alert["annotations"]["summary"]


async def eat(flow: Flow) -> None:
    """Another client of the org, which uses up whatever Okta gives in each minute."""
    while True:
        for bucket in ("/api/v1/apps", "/api/v1/apps/{id}"):
            await flow.okta_send("POST", "/_control/consume", {"bucket": bucket, "calls": 1000})
        await asyncio.sleep(1)


CAUSED_BY_SERIES = {
    "ScimNamespaceNotWatched": "namespaces by name, in place of the whole cluster",
    "ScimQueueStuck": "a queue that stands still for longer than a test may last",
    "ScimProviderAdminTokenExpiring": "a provider, whose metrics are on a port of their own",
}
"""Alerts that need what this world does not have: tests/contract/alerts causes them by their series."""


def test_every_alert_is_caused_here() -> None:
    rules = yaml.safe_load((CHART / "files" / "alerts.yaml").read_text())
    names = {rule["alert"] for group in rules["groups"] for rule in group["rules"]}
    source = Path(__file__).read_text()
    missing = {name for name in names if f'until_firing("{name}"' not in source}
    assert missing == set(CAUSED_BY_SERIES)
    tried = "".join(
        path.read_text() for path in (Path(__file__).parents[2] / "contract/alerts").glob("*.yaml")
    )
    assert {name for name in missing if name not in tried} == set()
