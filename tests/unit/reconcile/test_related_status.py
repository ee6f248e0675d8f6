"""Status of mappings, limits, orgs, and of what is suspended, dangling or broken."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from controller.api.group_mapping import GroupMappingSpec
from controller.errors import SpecError, Unavailable
from controller.model.people import OktaId
from controller.model.plan import HoldReason, MappingPreview, Move, Problem, SeatState
from controller.reconcile.conditions import size_of
from controller.reconcile.related_status import (
    broken_status,
    dangling_status,
    limit_status,
    mapping_status,
    suspended_status,
    suspended_with_status,
)
from controller.reconcile.report import Report
from controller.reconcile.totals import show_id
from tests.kstatus import kstatus_faults
from tests.unit.planning import world
from tests.unit.reconcile.reports import (
    NOW,
    action,
    failed,
    inputs,
    of_type,
    outcome,
    report,
    resource,
    seats,
    setting,
)

DESIRED_SEATS = {"seats": world.desired_seats()}


def checked(status: dict[str, Any], generation: int = 1) -> dict[str, Any]:
    assert kstatus_faults({"metadata": {"generation": generation}, "status": status}) == []
    return status


def brief(status: dict[str, Any], kind: str) -> tuple[str, str]:
    found = of_type(status["conditions"], kind)
    return found.get("status", ""), found.get("reason", "")


def mapping(made: Report, **changes: Any) -> dict[str, Any]:
    return checked(mapping_status(resource("GroupMapping", **changes), made, NOW))


def limit(made: Report, **changes: Any) -> dict[str, Any]:
    return checked(limit_status(resource("SeatLimit", **changes), made, NOW))


def test_a_mapping_tells_what_its_rows_match() -> None:
    preview = MappingPreview(
        {"Sales": 7}, {"sales": 2, "Legal": 5}, (), without_value=1, suggestions={"sales": "Sales"}
    )
    status = mapping(report(plan={"preview": preview}))
    assert (brief(status, "Ready"), brief(status, "InSync")) == (("True", "Succeeded"), ("True", "InSync"))
    assert (status["values"], status["people"], status["unmatched"], status["withoutValue"]) == (1, 7, 2, 1)
    assert status["unmatchedValues"] == [
        {"value": "Legal", "people": 5},
        {"value": "sales", "people": 2, "suggestion": "Sales"},
    ]


def test_values_that_nobody_has_are_told_where_they_are_claimed() -> None:
    status = mapping(report(plan={"preview": MappingPreview({"Sales": 0}, unused=("Other", "Sales"))}))
    assert status["unusedValues"] == ["Sales"]


def test_values_are_shown_to_the_letter_and_without_marks_that_a_terminal_obeys() -> None:
    odd = {"Sales  EMEA ": 1, "a\u202eb": 2, "x" * 10_000: 3}
    status = mapping(report(plan={"preview": MappingPreview({}, odd)}))
    assert [one["value"] for one in status["unmatchedValues"]] == ["x" * 127 + "…", "a�b", "Sales  EMEA "]


def test_a_mapping_tells_how_many_people_have_each_of_its_values() -> None:
    rows = [{"values": [f"v{n:02}" for n in range(30)], "providerGroup": "Sales"}]
    spec = GroupMappingSpec.model_validate({"integrationRef": {"name": "calendly"}, "mappings": rows})
    preview = MappingPreview({f"v{n:02}": n for n in range(30)})
    status = mapping(report(plan={"preview": preview}), spec=spec)
    assert status["people"] == sum(range(30))
    assert status["peopleByValue"][0] == {"value": "v29", "group": "Sales", "people": 29}
    assert len(status["peopleByValue"]) == 20


def test_a_mapping_tells_whom_a_held_plan_would_move_between_its_groups() -> None:
    table = setting(people=("00u1", "00u2"))
    moves = (
        Move(OktaId("00u1"), "p1@acme.com", "Sales", ""),
        Move(OktaId("00u2"), "p2@acme.com", None, "Sales"),
        Move(OktaId("00u3"), "p3@acme.com", "Legal", "Other"),
    )
    plan = {"preview": MappingPreview({"Sales": 7}, moves=moves)}
    held = report([table], held=[(table, HoldReason.AWAITING_APPROVAL)], plan=plan)
    status = mapping(held)
    assert (status["moving"], status["moves"]) == (
        2,
        [{"login": "p1@acme.com", "before": "Sales"}, {"login": "p2@acme.com", "after": "Sales"}],
    )
    by_id = mapping_status(resource("GroupMapping"), held, NOW, show_id)
    assert by_id["moves"][0]["login"] == "00u1"
    done = mapping(report([table], [outcome(table)], plan=plan), status=status)
    assert (done["moving"], "moves" in done) == (0, False)


def test_of_a_held_change_of_one_person_only_that_person_would_move() -> None:
    one = action(number=1)
    moves = tuple(Move(OktaId(f"00u{n}"), f"p{n}@acme.com", "Legal", "Sales") for n in (1, 2))
    held = report(
        [one], held=[(one, HoldReason.AWAITING_APPROVAL)], plan={"preview": MappingPreview(moves=moves)}
    )
    assert [row["login"] for row in mapping(held)["moves"]] == ["p1@acme.com"]


def test_a_value_claimed_twice_is_told_with_the_other_mapping_and_the_rest_is_counted() -> None:
    other = resource("GroupMapping", name="more")
    gone = resource("GroupMapping", name="aaa", is_deleting=True)
    problem = Problem("GroupMapping", "teams", "ValueClaimedTwice", "Sales is claimed twice")
    made = report(
        inputs=inputs(mappings=(resource("GroupMapping"), other, gone)),
        problems=(problem,),
        plan={"preview": MappingPreview({"Sales": 7})},
    )
    status = mapping(made)
    assert status["conflicts"] == [{"value": "Sales", "by": "more"}]
    assert (status["people"], brief(status, "Stalled")) == (7, ("True", "ValueClaimedTwice"))
    assert brief(status, "InSync") == ("True", "InSync"), "the rest of the plan goes on"


def test_the_largest_mapping_status_stays_below_64_kib() -> None:
    long = ["語" * 127 + chr(number + 20_000) for number in range(60)]
    rows = [{"values": long[:30], "providerGroup": "語" * 255}]
    spec = GroupMappingSpec.model_validate({"integrationRef": {"name": "calendly"}, "mappings": rows})
    preview = MappingPreview(
        dict.fromkeys(long[:20], 1),
        dict.fromkeys(long, 2),
        tuple(long[20:30]),
        1,
        dict.fromkeys(long, long[0]),
    )
    other = resource("GroupMapping", spec=None, name="more")
    made = report(inputs=inputs(mappings=(replace(other, spec=spec),)), plan={"preview": preview})
    status = mapping(made, spec=None, name="teams")
    assert size_of(mapping_status(replace(resource("GroupMapping"), spec=spec), made, NOW)) < 64 * 1024
    assert status["unmatched"] == 60


@pytest.mark.parametrize("where", ["before the plan", "in the plan", "as the error"])
def test_what_is_wrong_with_a_resource_stalls_it(where: str) -> None:
    problem = Problem("GroupMapping", "teams", "ValueClaimedTwice", "Sales is claimed twice")
    made = {
        "before the plan": report(problems=(problem,)),
        "in the plan": report(plan={"problems": (problem,)}),
        "as the error": failed(
            SpecError("Sales", field="", reason="ValueClaimedTwice", kind="GroupMapping", name="teams")
        ),
    }[where]
    status = mapping(made)
    assert brief(status, "Stalled") == ("True", "ValueClaimedTwice")
    assert brief(status, "Ready")[0] == "False"
    assert brief(status, "ReferencesResolved")[0] == "True"


def test_a_reference_that_leads_nowhere_is_told_as_one() -> None:
    problem = Problem("SeatLimit", "seats", "GroupNotFound", "no group Executives")
    status = limit(report(plan={"problems": (problem,), "seats": seats()}, desired_with=DESIRED_SEATS))
    assert brief(status, "ReferencesResolved") == ("False", "GroupNotFound")
    assert brief(status, "WithinCapacity")[0] == "True"


def test_siblings_of_an_integration_that_cannot_run_wait_with_its_words() -> None:
    made = failed(Unavailable("Okta is down", system="Okta"))
    for status, kind in ((mapping(made), "InSync"), (limit(made), "WithinCapacity")):
        assert brief(status, "Ready") == ("False", "Waiting")
        assert "Okta is down" in of_type(status["conditions"], "Ready")["message"]
        assert brief(status, kind)[0] == "Unknown"


def test_a_limit_tells_who_waits_and_the_remedy() -> None:
    people = tuple(world.person(number) for number in range(2))
    full = seats(SeatState.AT_CAPACITY, 50, 2)
    status = limit(report(plan={"seats": full}, desired_with=DESIRED_SEATS, actual=world.actual(people)))
    assert brief(status, "WithinCapacity") == ("False", "AtCapacity")
    assert status["waiting"] == [
        {"login": "p0@acme.com", "since": "2026-01-01T00:00:00Z"},
        {"login": "p1@acme.com", "since": "2026-01-01T00:00:00Z"},
    ]
    assert "https://example.com/contact" in status["remediation"]
    assert status["seats"]["percentUsed"] == 100
    freed = limit(report(plan={"seats": seats()}, desired_with=DESIRED_SEATS), status=status)
    assert "waiting" not in freed


def test_a_limit_tells_when_its_seats_run_out_and_how_far_that_may_be_off() -> None:
    days = tuple((f"2026-02-{number:02}", number) for number in range(1, 29))
    known = world.memory(seat_history=days)
    status = limit(report(plan={"seats": seats(used=28)}, desired_with=DESIRED_SEATS, memory=known))
    assert status["forecast"] == {
        "fullTime": "2026-03-22T00:00:00Z",
        "earliestTime": "2026-03-22T00:00:00Z",
        "latestTime": "2026-03-22T00:00:00Z",
        "seatsPerMonth": 30,
        "seatsPerMonthError": 0,
        "days": 27,
        "message": "+30 seats a month, give or take 0, over the last 27 days: "
        "full about 2026-03-22, between 2026-03-22 and 2026-03-22",
    }
    young = limit(
        report(
            plan={"seats": seats()}, desired_with=DESIRED_SEATS, memory=world.memory(seat_history=days[:3])
        )
    )
    assert young["forecast"].keys() == {"days", "message"}
    assert young["forecast"]["message"].startswith("too little history: 3 daily counts over 2 days")
    assert "forecast" not in limit(report(plan={"seats": seats()}, desired_with=DESIRED_SEATS))


def test_a_limit_reports_people_who_were_not_active_for_long() -> None:
    people = tuple(world.person(n, assigned_at="2025-01-01T00:00:00Z", last_sign_in="") for n in range(25))
    known = world.actual(people, [world.account_of(one) for one in people])
    known = world.with_provider(known, last_active={OktaId("00u3"): "2025-02-01T10:00:00.5Z"})
    asking = {"seats": replace(world.desired_seats(), inactive_for=timedelta(days=90))}
    status = limit(report(plan={"seats": seats()}, desired_with=asking, actual=known))
    reclaim = status["reclaim"]
    assert (reclaim["inactive"], len(reclaim["people"]), reclaim["checkedTime"]) == (
        25,
        20,
        "2026-03-02T00:00:00Z",
    )
    assert reclaim["people"][0] == {"login": "p0@acme.com"}
    last = known.assignments.people[3:4]
    alone = replace(known, assignments=replace(known.assignments, people=last))
    told = limit(report(plan={"seats": seats()}, desired_with=asking, actual=alone))["reclaim"]["people"]
    assert told == [{"login": "p3@acme.com", "lastSignIn": "2025-02-01T10:00:00Z"}]
    assert "reclaim" not in limit(report(plan={"seats": seats()}, desired_with=DESIRED_SEATS), status=status)


def test_a_limit_whose_seats_are_unknown_says_so() -> None:
    status = limit(report(desired_with=DESIRED_SEATS))
    assert brief(status, "WithinCapacity") == ("Unknown", "SeatsUnknown")


def test_a_limit_error_of_its_own_leaves_no_insync_behind() -> None:
    error = SpecError("reserve", field="spec.reserve", kind="SeatLimit", name="seats")
    status = limit(failed(error))
    assert brief(status, "Stalled") == ("True", "InvalidSpec")
    assert of_type(status["conditions"], "InSync") == {}


def test_limits_without_a_reading_tell_logins_without_times() -> None:
    made = report(plan={"seats": seats(SeatState.AT_CAPACITY, 50, 1)}, desired_with=DESIRED_SEATS)
    assert limit(replace(made, actual=None))["waiting"] == [{"login": "p0@acme.com"}]


@pytest.mark.parametrize("kind", ["GroupMapping", "SeatLimit"])
def test_a_dangling_reference_names_its_field(kind: str) -> None:
    status = checked(dangling_status(resource(kind), "calendly", NOW))
    assert brief(status, "ReferencesResolved") == ("False", "IntegrationNotFound")
    assert "spec.integrationRef" in of_type(status["conditions"], "Ready")["message"]


def test_a_broken_spec_stalls_any_kind() -> None:
    error = SpecError("is required", field="spec.url")
    status = checked(broken_status({}, 1, error, NOW, "OktaOrg"))
    assert brief(status, "Stalled") == ("True", "InvalidSpec")
    assert of_type(status["conditions"], "InSync") == {}
    status = checked(broken_status({}, 1, error, NOW, "ScimIntegration"))
    assert brief(status, "InSync") == ("Unknown", "DriftUnknown")


def test_suspension_keeps_what_was_known() -> None:
    before = {"people": {"assigned": 3}, "observedGeneration": 1}
    status = checked(suspended_status(resource("ScimIntegration", status=before, generation=2), NOW), 2)
    assert brief(status, "Ready") == ("Unknown", "Suspended")
    assert status["people"] == {"assigned": 3}


@pytest.mark.parametrize("kind", ["GroupMapping", "SeatLimit"])
def test_what_refers_to_a_suspended_integration_says_so_until_a_run_speaks_again(kind: str) -> None:
    status = checked(suspended_with_status(resource(kind), "calendly", NOW))
    assert brief(status, "Ready") == ("Unknown", "Suspended")
    assert "ScimIntegration calendly" in of_type(status["conditions"], "Ready")["message"]
    assert suspended_with_status(resource(kind, status=status), "calendly", NOW) == status
    made, again = (
        report(desired_with=DESIRED_SEATS, plan={"seats": seats()}),
        limit if kind == "SeatLimit" else mapping,
    )
    assert brief(again(made, status=status), "Ready") == ("True", "Succeeded")
