"""Who is concerned by a change, and which changes count."""

from __future__ import annotations

import pytest

from controller.operator.store import Store, asks_for_one_person, place_of
from tests.unit.operator.bodies import body, with_status

SYNC = "scim-operator.dev/sync-user"


def full() -> Store:
    store = Store()
    for kind in ("OktaOrg", "ScimIntegration", "GroupMapping", "SeatLimit"):
        store.put(body(kind))
    return store


@pytest.mark.parametrize("kind", ["OktaOrg", "ScimIntegration", "GroupMapping", "SeatLimit"])
def test_every_kind_concerns_the_integration(kind: str) -> None:
    assert full().concerned(body(kind)) == ("team/calendly",)


def test_a_reference_that_leads_nowhere_concerns_nobody() -> None:
    store = Store()
    assert store.concerned(body("GroupMapping")) == ()
    assert store.concerned(body("OktaOrg")) == ()


def test_status_and_foreign_annotations_change_nothing() -> None:
    store = full()
    assert not store.put(with_status(body("ScimIntegration", version=2), people={"assigned": 3}))
    assert not store.put(
        body("ScimIntegration", version=3, annotations={"argocd.argoproj.io/tracking-id": "x"})
    )
    assert store.get("ScimIntegration", "team", "calendly")["metadata"]["resourceVersion"] == "3"


@pytest.mark.parametrize(
    "change",
    [
        {"generation": 2},
        {"annotations": {"scim-operator.dev/approve": "d"}},
        {"annotations": {"scim-operator.dev/requested-at": "now"}},
        {"annotations": {"scim-operator.dev/done": "s=d"}},
        {"labels": {"scim-operator.dev/shard": "b"}},
        {"deletionTimestamp": "2026-01-02T00:00:00Z"},
        {"uid": "another"},
    ],
)
def test_what_a_reconcile_depends_on_does(change: dict[str, object]) -> None:
    assert full().put(body("ScimIntegration", version=2, **change))


def test_an_older_version_is_no_news() -> None:
    store = full()
    store.put(body("ScimIntegration", version=10, generation=2))
    assert not store.put(body("ScimIntegration", version=9))
    assert store.get("ScimIntegration", "team", "calendly")["metadata"]["generation"] == 2


def test_a_limit_that_moves_concerns_the_new_integration_only() -> None:
    store = full()
    store.put(body("ScimIntegration", "other"))
    store.put(body("SeatLimit", version=2, generation=2, spec={"integrationRefs": [{"name": "other"}]}))
    assert store.siblings("SeatLimit", "team", "calendly") == []
    assert len(store.siblings("SeatLimit", "team", "other")) == 1


def test_siblings_come_oldest_first_and_go_when_dropped() -> None:
    store = full()
    store.put(body("GroupMapping", "older", creationTimestamp="2025-01-01T00:00:00Z"))
    names = [one["metadata"]["name"] for one in store.siblings("GroupMapping", "team", "calendly")]
    assert names == ["older", "teams"]
    assert store.drop(place_of(body("GroupMapping"))) is not None
    assert store.drop(place_of(body("GroupMapping"))) is None
    assert len(store.siblings("GroupMapping", "team", "calendly")) == 1


def test_a_request_for_one_person_is_told_from_other_changes() -> None:
    plain, asked = body("ScimIntegration"), body("ScimIntegration", version=2, annotations={SYNC: "ada#1"})
    again = body("ScimIntegration", version=3, annotations={SYNC: "ada#2"})
    assert asks_for_one_person(plain, asked)
    assert asks_for_one_person(asked, again)
    assert not asks_for_one_person(asked, asked)
    assert not asks_for_one_person(plain, body("ScimIntegration", annotations={SYNC: "ada#1"}, generation=2))


def test_the_answer_to_a_write_brings_nothing_back_that_has_gone_meanwhile() -> None:
    store = full()
    place = ("ScimIntegration", "team", "calendly")
    store.renew(body("ScimIntegration", version=2))
    assert store.get(*place)["metadata"]["resourceVersion"] == "2"
    store.renew(
        {
            **body("ScimIntegration", version=9),
            "metadata": {**body("ScimIntegration")["metadata"], "uid": "x"},
        }
    )
    assert store.get(*place)["metadata"]["resourceVersion"] == "2", (
        "the answer is about another one of that name"
    )
    store.drop(place)
    store.renew(body("ScimIntegration", version=3))
    assert store.get(*place) is None
