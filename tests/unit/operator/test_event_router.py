"""What an event means: who is enqueued, with which urgency, and what is forgotten."""

from __future__ import annotations

import asyncio

import pytest

from controller.clock import ManualClock
from controller.errors import Unavailable
from controller.kube.client import Body
from controller.metrics import Metrics
from controller.model.people import EVERYTHING, Refresh
from controller.operator.event_router import NEWCOMER_SECONDS, NOBODY, Intake
from controller.operator.store import Place, Store
from controller.transport.calls import Lane
from tests.unit.operator.bodies import JSON, body, with_status

KINDS = ("OktaOrg", "ScimIntegration", "GroupMapping", "SeatLimit")
SEEN = {"conditions": [{"type": "Ready"}]}


class Enqueued:
    """Stands for the queue."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, Refresh, Lane, str, float]] = []
        self.forgotten: list[str] = []

    def enqueue(self, key: str, refresh: Refresh, lane: Lane, why: str, delay: float) -> None:
        self.seen.append((key, refresh, lane, why, delay))

    def forget(self, key: str) -> None:
        self.forgotten.append(key)

    def take(self) -> list[tuple[str, Refresh, Lane, str, float]]:
        seen, self.seen = self.seen, []
        return seen


class Reports:
    """Stands for the reporter."""

    def __init__(self) -> None:
        self.lonely_ones: list[str] = []
        self.error: Exception | None = None

    async def lonely(self, one: JSON) -> None:
        if self.error is not None:
            raise self.error
        self.lonely_ones.append(f"{one['kind']}/{one['metadata']['name']}")


class Stage:
    def __init__(self, shard: str = "") -> None:
        self.enqueued, self.reports, self.metrics = Enqueued(), Reports(), Metrics()
        self.gone: list[Place] = []
        clock = ManualClock()
        self.intake = Intake(Store(), self.enqueued, self.reports, clock, self.metrics, shard)  # type: ignore[arg-type]
        self.intake.on_gone = self._gone
        self.orgs: list[tuple[Place, bool]] = []
        self.intake.on_org = lambda place, is_edited: self.orgs.append((place, is_edited))

    async def _gone(self, place: Place) -> None:
        self.gone.append(place)


def listed(shard: str = "") -> Stage:
    stage = Stage(shard)
    stage.intake.first([with_status(body(kind), **SEEN) for kind in KINDS])
    stage.enqueued.take()
    return stage


async def test_the_first_listing_enqueues_what_is_there_and_newcomers_wait_for_their_family() -> None:
    stage = Stage()
    stage.intake.first([body("ScimIntegration"), with_status(body("ScimIntegration", "old"), **SEEN)])
    assert stage.enqueued.take() == [
        ("team/calendly", EVERYTHING, Lane.FULL, "Started", NEWCOMER_SECONDS),
        ("team/old", EVERYTHING, Lane.FULL, "Started", 0.0),
    ]


@pytest.mark.parametrize("kind", KINDS)
async def test_an_edit_of_anything_in_the_family_is_a_persons_request(kind: str) -> None:
    stage = listed()
    stage.intake.event("MODIFIED", with_status(body(kind, version=2, generation=2), **SEEN))
    assert stage.enqueued.take() == [("team/calendly", EVERYTHING, Lane.PERSON, f"{kind}Changed", 0.0)]
    stage.intake.event("MODIFIED", with_status(body(kind, version=3, generation=2), **SEEN))
    assert stage.enqueued.take() == []


async def test_one_person_is_asked_for_without_a_full_read() -> None:
    stage = listed()
    asked = body("ScimIntegration", version=2, annotations={"scim-operator.dev/sync-user": "ada#1"})
    stage.intake.event("MODIFIED", with_status(asked, **SEEN))
    assert stage.enqueued.take() == [("team/calendly", NOBODY, Lane.PERSON, "SyncUser", 0.0)]


async def test_a_limit_that_turns_to_another_integration_concerns_both() -> None:
    stage = listed()
    stage.intake.event("ADDED", with_status(body("ScimIntegration", "other"), **SEEN))
    stage.enqueued.take()
    stage.intake.event(
        "MODIFIED", body("SeatLimit", version=2, generation=2, spec={"integrationRefs": [{"name": "other"}]})
    )
    assert {one[0] for one in stage.enqueued.take()} == {"team/calendly", "team/other"}


async def test_a_deletion_of_a_sibling_enqueues_and_of_the_integration_forgets() -> None:
    stage = listed()
    stage.intake.event("DELETED", body("GroupMapping"))
    assert stage.enqueued.take() == [("team/calendly", EVERYTHING, Lane.PERSON, "GroupMappingDeleted", 0.0)]
    stage.intake.event("DELETED", body("ScimIntegration"))
    await stage.intake.aclose()
    assert stage.enqueued.forgotten == ["team/calendly"]
    assert stage.gone == [("GroupMapping", "team", "teams"), ("ScimIntegration", "team", "calendly")]
    assert stage.reports.lonely_ones == ["SeatLimit/seats"]


async def test_what_nobody_speaks_for_gets_its_status_a_moment_later() -> None:
    stage = Stage()
    stage.intake.event("ADDED", body("SeatLimit"))
    stage.intake.event("ADDED", body("GroupMapping"))
    stage.intake.event("DELETED", body("GroupMapping"))
    await stage.intake.aclose()
    assert stage.reports.lonely_ones == ["SeatLimit/seats"]


async def test_other_shards_are_left_alone() -> None:
    stage = listed("b")
    labels = {"scim-operator.dev/shard": "b"}
    stage.intake.event("MODIFIED", body("GroupMapping", version=2, generation=2))
    assert stage.enqueued.take() == []
    stage.intake.event("MODIFIED", with_status(body("ScimIntegration", version=2, labels=labels), **SEEN))
    assert [one[0] for one in stage.enqueued.take()] == ["team/calendly"]
    stage.intake.event("ADDED", body("OktaOrg", "other"))
    await stage.intake.aclose()
    assert stage.reports.lonely_ones == []


async def test_an_integration_that_goes_to_another_shard_is_left_to_it() -> None:
    stage, left = listed(""), []
    stage.intake.on_left = left.append
    moved = {"scim-operator.dev/shard": "b"}
    stage.enqueued.take()
    stage.intake.event("MODIFIED", with_status(body("ScimIntegration", version=2, labels=moved), **SEEN))
    stage.intake.event("MODIFIED", body("GroupMapping", version=3, generation=2))
    assert stage.enqueued.take() == []
    assert stage.enqueued.forgotten == ["team/calendly"]
    assert left == [("ScimIntegration", "team", "calendly")]
    stage.intake.event("MODIFIED", with_status(body("ScimIntegration", version=4), **SEEN))
    assert [one[0] for one in stage.enqueued.take()] == ["team/calendly"]


@pytest.mark.parametrize(
    ("error", "bugs"), [(Unavailable("down", system="Kubernetes"), 0), (KeyError("bug"), 1)]
)
async def test_what_fails_beside_a_run_is_logged_and_ends_nothing(error: Exception, bugs: int) -> None:
    stage = Stage()
    stage.reports.error = error
    stage.intake.event("ADDED", body("SeatLimit"))
    await stage.intake.aclose()
    await asyncio.sleep(0)
    assert stage.metrics.registry.get_sample_value("scim_operator_unexpected_errors_total") == bugs


async def test_an_org_that_leaves_is_looked_at() -> None:
    stage, leaving = listed(), list[str]()

    async def leave(org: Body) -> None:
        leaving.append(org["metadata"]["name"])

    stage.intake.on_leaving_org = leave
    stage.intake.event("MODIFIED", body("OktaOrg", version=2, deletionTimestamp="2026-01-02T00:00:00Z"))
    await stage.intake.aclose()
    assert leaving == ["acme"]


@pytest.mark.parametrize("change", ["DELETED", "MODIFIED"])
async def test_one_that_yields_looks_again_once_the_other_goes_or_is_edited(change: str) -> None:
    stage = Stage()
    conflict = [{"type": "Stalled", "status": "True", "reason": "Conflict"}]
    yielding = with_status(body("ScimIntegration", "later"), conditions=conflict)
    content = with_status(body("ScimIntegration", "content"), **SEEN)
    stage.intake.first([body("OktaOrg"), body("ScimIntegration"), yielding, content])
    stage.enqueued.take()
    stage.intake.event(change, body("ScimIntegration", version=2, generation=2))
    assert ("team/later", EVERYTHING, Lane.CHANGE, "RivalChanged", 0.0) in stage.enqueued.take()
    stage.intake.event("MODIFIED", {**yielding, "metadata": {**yielding["metadata"], "resourceVersion": "2"}})
    assert stage.enqueued.take() == [], "its own status wakes nobody"
    await stage.intake.aclose()


async def test_a_namespace_that_is_not_watched_rests_and_stays_known() -> None:
    stage = Stage()
    stage.intake.first([body("ScimIntegration", spec={}), body("SeatLimit", name="seats")])
    stage.enqueued.take()
    stage.intake.pause("team", is_gone=False)
    assert stage.enqueued.forgotten == ["team/calendly"]
    stage.intake.enqueue("team/calendly", Lane.CHANGE, "SecretChanged")
    assert stage.enqueued.take() == []
    again = body("ScimIntegration", version=9)
    stage.intake.resume("team", [again])
    assert [(key, lane) for key, _, lane, _, _ in stage.enqueued.take()][-1] == ("team/calendly", Lane.FULL)
    await stage.intake.aclose()
    assert stage.gone == [("SeatLimit", "team", "seats")], "it went while nobody watched"


async def test_what_was_in_a_namespace_that_is_gone_is_gone() -> None:
    stage = Stage()
    stage.intake.first([body("ScimIntegration"), body("ScimIntegration", namespace="other")])
    stage.intake.pause("team", is_gone=True)
    await stage.intake.aclose()
    assert stage.gone == [("ScimIntegration", "team", "calendly")]
    stage.enqueued.take()
    stage.intake.enqueue("other/calendly", Lane.CHANGE, "SecretChanged")
    assert [one[0] for one in stage.enqueued.take()] == ["other/calendly"]


ACME = ("OktaOrg", "team", "acme")


async def test_an_org_is_checked_when_it_is_edited_and_looked_at_when_its_users_change() -> None:
    stage = listed()
    assert stage.orgs == [(ACME, True), (ACME, False)]
    stage.orgs.clear()
    stage.intake.event("MODIFIED", with_status(body("ScimIntegration", version=2, generation=2), **SEEN))
    stage.intake.event("DELETED", body("ScimIntegration"))
    assert stage.orgs == [(ACME, False), (ACME, False)]
    stage.intake.event("MODIFIED", with_status(body("OktaOrg", version=2, generation=2), **SEEN))
    assert stage.orgs[2:] == [(ACME, True)]
    stage.intake.event("DELETED", body("OktaOrg"))
    assert len(stage.orgs) == 3
    await stage.intake.aclose()


async def test_a_request_to_look_at_an_org_does_not_read_its_integrations_anew() -> None:
    stage = listed()
    stage.orgs.clear()
    asked = body("OktaOrg", version=2, annotations={"scim-operator.dev/requested-at": "now"})
    stage.intake.event("MODIFIED", with_status(asked, **SEEN))
    assert (stage.orgs, stage.enqueued.take()) == ([(ACME, True)], [])


async def test_one_shard_checks_the_orgs() -> None:
    assert listed("b").orgs == []


def yielding(name: str) -> JSON:
    conditions = [{"type": "Stalled", "status": "True", "reason": "Conflict"}]
    one = body("ScimIntegration", name, namespace="other", spec={"okta": {"orgRef": {"name": "theirs"}}})
    return with_status(one, conditions=conditions)


@pytest.mark.parametrize("change", ["org edited", "org deleted", "labels", "namespace gone"])
async def test_who_yields_to_another_looks_again_when_that_may_have_changed(change: str) -> None:
    stage = Stage()
    stage.intake.first([*(with_status(body(kind), **SEEN) for kind in KINDS), yielding("later")])
    stage.enqueued.take()
    if change == "org edited":
        stage.intake.event("MODIFIED", with_status(body("OktaOrg", version=2, generation=2), **SEEN))
    elif change == "org deleted":
        stage.intake.event("DELETED", body("OktaOrg"))
    elif change == "labels":
        stage.intake.labels_changed("team", {"scim": "yes"})
    else:
        stage.intake.pause("team", is_gone=True)
    assert "other/later" in {one[0] for one in stage.enqueued.take()}
    await stage.intake.aclose()


async def test_labels_that_are_known_trouble_nobody_and_new_ones_let_an_org_be_counted_anew() -> None:
    stage = listed()
    stage.orgs.clear()
    stage.intake.labels_changed("team", {"scim": "yes"})
    assert stage.orgs == [(ACME, False)]
    stage.intake.labels_changed("team", {"scim": "yes"})
    assert stage.orgs == [(ACME, False)]
