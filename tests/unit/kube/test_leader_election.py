"""Who may take the Lease, and until when a leader may write."""

from __future__ import annotations

from datetime import timedelta

import pytest

from controller.clock import ManualClock
from controller.errors import Conflict, Unauthorized, Unavailable
from controller.kube.leader_election import USUAL, Elector, Leadership, Place, Term
from tests.unit.kube.fakeapi import FakeApi

NOW = ManualClock().now()
LEASE = "/apis/coordination.k8s.io/v1/namespaces/ops/leases/scim-operator"


def term(api: FakeApi, identity: str, clock: ManualClock | None = None) -> Term:
    clock = clock or ManualClock()
    return Term(api, Place("ops", "scim-operator", identity), Elector(identity), Leadership(clock), clock)


def test_a_lease_that_nobody_has_is_taken() -> None:
    spec = Elector("a").step(None, 0, NOW)
    assert spec is not None
    assert (spec["holderIdentity"], spec["leaseTransitions"]) == ("a", 0)


def test_a_lease_that_changes_is_somebody_elses_whatever_its_clock_says() -> None:
    mine, elector = Elector("b"), Elector("a")
    skewed = NOW - timedelta(days=400)
    for second in range(0, 60, 5):
        theirs = mine.step(None, 0, skewed + timedelta(seconds=second))
        assert elector.step(theirs, float(second), NOW) is None


def test_a_lease_that_does_not_change_expires_by_our_own_clock() -> None:
    theirs = Elector("b").step(None, 0, NOW + timedelta(days=400))
    elector = Elector("a")
    assert elector.step(theirs, 0, NOW) is None
    assert elector.step(theirs, USUAL.duration, NOW) is None
    taken = elector.step(theirs, USUAL.duration + 0.1, NOW)
    assert taken is not None
    assert (taken["holderIdentity"], taken["leaseTransitions"]) == ("a", 1)


def test_renewing_keeps_the_time_of_acquisition() -> None:
    elector = Elector("a")
    first = elector.step(None, 0, NOW)
    again = elector.step(first, 2, NOW + timedelta(seconds=2))
    assert first is not None
    assert again is not None
    assert again["acquireTime"] == first["acquireTime"]
    assert again["renewTime"] > first["renewTime"]
    assert again["leaseTransitions"] == 0


def test_a_leader_that_has_not_renewed_may_not_write_before_another_may_take_over() -> None:
    clock = ManualClock()
    leadership = Leadership(clock)
    with pytest.raises(Unavailable, match="does not lead"):
        leadership.fence()
    leadership.renewed_at = clock.monotonic()
    clock.advance(USUAL.renew - 0.1)
    leadership.fence()
    clock.advance(0.2)
    assert USUAL.renew < USUAL.duration
    with pytest.raises(Unavailable):
        leadership.fence()


async def test_of_two_processes_one_leads_and_the_other_follows_when_it_leaves() -> None:
    api, clock = FakeApi(), ManualClock()
    first, second = term(api, "a", clock), term(api, "b", clock)
    await first.step()
    await second.step()
    assert (first.leadership.holds(), second.leadership.holds()) == (True, False)
    await first.release()
    await second.release()
    assert not first.leadership.holds()
    await second.step()
    assert second.leadership.holds()
    assert api.objects[LEASE]["spec"]["holderIdentity"] == "b"
    await first.release()
    assert api.objects[LEASE]["spec"]["holderIdentity"] == "b"


async def test_an_api_server_that_fails_lets_time_run_on() -> None:
    api, clock = FakeApi(), ManualClock()
    one = term(api, "a", clock)
    await one.step()
    api.broken = Unavailable("down", system="Kubernetes")
    clock.advance(USUAL.renew + 1)
    await one.step()
    assert not one.leadership.holds()
    one.leadership.renewed_at = 0.0
    await one.release()
    assert one.leadership.renewed_at is None


async def test_who_comes_second_stands_by() -> None:
    api = FakeApi()
    one = term(api, "a")
    api.broken = Conflict("409", system="Kubernetes")
    await one.step()
    assert not one.leadership.holds()


async def test_a_leader_goes_on_after_an_outage_in_which_nobody_else_led() -> None:
    api, clock = FakeApi(), ManualClock()
    one = term(api, "a", clock)
    await one.step()
    api.broken = Unavailable("down", system="Kubernetes")
    clock.advance(3600)
    await one.step()
    assert not one.leadership.holds()
    api.broken = None
    await one.step()
    assert one.leadership.holds() and not one.leadership.is_over


@pytest.mark.parametrize("then", ["leads", "has left"])
async def test_a_leader_whose_lease_somebody_else_has_had_leads_no_more(then: str) -> None:
    api, clock = FakeApi(), ManualClock()
    first, second = term(api, "a", clock), term(api, "b", clock)
    await first.step()
    await second.step()
    clock.advance(USUAL.duration + 1)
    await second.step()
    assert second.leadership.holds()
    if then == "has left":
        await second.release()
    await first.step()
    assert first.leadership.is_over and not first.leadership.holds()


async def test_who_is_refused_the_lease_says_how_often() -> None:
    api = FakeApi()
    one = term(api, "a")
    api.broken = Unauthorized("forbidden", system="Kubernetes", status=403)
    await one.step()
    await one.step()
    assert (one.refused, one.why) == (2, "forbidden")
    api.broken = Unavailable("down", system="Kubernetes")
    await one.step()
    assert one.refused == 0
