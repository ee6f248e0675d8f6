"""What a change of one person tells and does, over everybody; complete reads are an hour apart."""

from __future__ import annotations

from typing import Any

import pytest

from tests.flow.conftest import Flow, condition, says

pytestmark = pytest.mark.asyncio(loop_scope="module")
INTEGRATION, LIMIT = ("ScimIntegration", "calendly"), ("SeatLimit", "calendly")
JSON = dict[str, Any]


async def seated(flow: Flow, seats: int, waiting: int) -> None:
    """The quickstart with fewer seats than people, once all who fit have an account."""
    await flow.apply(*flow.quickstart_but("SeatLimit"), flow.example("SeatLimit", spec={"seats": seats}))
    await flow.until(*LIMIT, waits(waiting))
    await flow.until(*INTEGRATION, says("InSync", "False", "PeopleWaiting"))


def waits(count: int) -> Any:
    return lambda body: ((body.get("status") or {}).get("seats") or {}).get("waiting") == count


async def sync(flow: Flow, login: str, token: str = "1") -> JSON:
    """What came of one person; nobody else was listed."""
    await flow.begin()
    await flow.annotate(*INTEGRATION, sync_user=f"{login}#{token}")
    body = await flow.until(
        *INTEGRATION, lambda one: one["status"].get("lastHandledSyncUser") == f"{login}#{token}"
    )
    assert [call for call in await flow.okta_calls() if call.endswith("/users")] == []
    return body


async def active(flow: Flow) -> set[str]:
    return {one["userName"] for one in await flow.provider.people() if one["active"]}


async def test_after_a_small_run_the_waiting_list_is_whole(flow: Flow) -> None:
    await seated(flow, 38, 2)
    before = await flow.get(*LIMIT)
    login = sorted(await active(flow))[0]
    await flow.okta.change(login, title="Head")
    body = await sync(flow, login)
    after = await flow.get(*LIMIT)
    assert after["status"]["waiting"] == before["status"]["waiting"]
    assert body["status"]["seats"]["waiting"] == 2
    assert condition(body, "InSync")["reason"] == "PeopleWaiting"


async def test_a_seat_that_a_small_run_frees_is_passed_on_in_it(flow: Flow) -> None:
    await seated(flow, 38, 2)
    before = await active(flow)
    login = sorted(before)[0]
    first = (await flow.get(*LIMIT))["status"]["waiting"][0]["login"]
    await flow.okta.deactivate(login)
    body = await sync(flow, login)
    assert body["status"]["seats"]["waiting"] == 1
    assert await active(flow) == before - {login} | {first}


async def test_a_success_after_a_failure_clears_it_at_once(flow: Flow) -> None:
    await flow.apply_quickstart()
    await flow.until(*INTEGRATION, says("InSync", "True", "InSync"))
    login = sorted(await active(flow))[0]
    await flow.fault("status", "/api/v1/apps/*/users/*", status=503)
    await flow.annotate(*INTEGRATION, sync_user=f"{login}#1")
    await flow.until(*INTEGRATION, says("Ready", "False", "ReadOnlyMode"))
    await flow.mend()
    await flow.until(*INTEGRATION, says("Ready", "True", "Succeeded"))
    await flow.until(*INTEGRATION, says("InSync", "True", "InSync"))
    assert [call for call in await flow.okta_calls() if call.endswith("/users")] == []


async def test_more_seats_than_were_purchased_are_not_believed(flow: Flow) -> None:
    await flow.apply(*flow.quickstart_but("SeatLimit"), flow.example("SeatLimit", spec={"seats": 555}))
    body = await flow.until(*LIMIT, says("Ready", "True", "Succeeded"))
    purchased = body["status"]["seats"]["limit"]
    assert purchased < 555
    told = condition(body, "WithinCapacity")["message"]
    assert f"spec.seats is 555, but {purchased} were purchased" in told
