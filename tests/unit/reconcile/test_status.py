"""Status of an integration: what is kept, what moves, what is capped, and that nothing new writes nothing."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from controller.api.crds import build_schema
from controller.api.kinds import KINDS
from controller.errors import SpecError, Unavailable
from controller.model.actions import ActionKind, Result, Touch
from controller.model.actual import Actual, Deferred, HeldTokens, Token, Touched
from controller.model.people import OktaId
from controller.model.plan import (
    Counts,
    DriftKind,
    Frozen,
    HoldReason,
    ManualStep,
)
from controller.planning.base.desired import DesiredRotation, TokenPlace
from controller.reconcile.report import Report
from controller.reconcile.schedule import Next
from controller.reconcile.status import (
    Asked,
    Surroundings,
    integration_status,
    progressing_status,
    unknown_user_status,
)
from controller.reconcile.totals import show_id
from controller.schema.structural import compile_schema
from tests.kstatus import kstatus_faults
from tests.unit.planning import world
from tests.unit.reconcile.reports import (
    NOW,
    action,
    drift,
    failed,
    of_type,
    outcome,
    report,
    resource,
    seats,
    setting,
)

NOTHING = Asked()
HOURLY = Surroundings("1h0m0s", "ops", Next(3600.0))


def test_the_tokens_are_told_by_their_times_and_never_by_value() -> None:
    held = HeldTokens("f1", "f1", "f2")
    own = Token("t1", "by hand", ("scim",), NOW, NOW + timedelta(days=30), None, "", "f1")
    okta = Token("t2", "okta", ("scim",), NOW, NOW + timedelta(days=60), None, "", "f2")
    actual = world.with_provider(world.actual(), tokens=(own, okta), held=held)
    status = built(report(actual=actual))
    assert status["token"] == {"expiryTime": "2026-04-01T12:00:00Z", "oktaExpiryTime": "2026-05-01T12:00:00Z"}
    place = TokenPlace("operator", "operator a/b", "s", "token", "s", "spec.provider.tokenRotation.issueTo")
    desired_with = {"rotation": DesiredRotation(timedelta(days=10), timedelta(days=1), (place,))}
    status = built(report(actual=actual, desired_with=desired_with), previous=status)
    assert status["token"]["nextRotationTime"] == "2026-03-12T12:00:00Z"
    unknown = world.with_provider(world.actual(), tokens=None)
    assert built(report(actual=unknown), previous=status)["token"] == status["token"]


def built(
    made: Report, previous: dict[str, Any] | None = None, asked: Asked = NOTHING, **more: Any
) -> dict[str, Any]:
    """The status; it obeys kstatus and is what the CRD takes, whatever the report."""
    status = integration_status(previous or {}, made, asked, HOURLY, **more)
    generation = made.inputs.integration.generation
    assert kstatus_faults({"metadata": {"generation": generation}, "status": status}) == []
    assert taken_by_the_crd(status) == status
    return status


def taken_by_the_crd(status: dict[str, Any]) -> dict[str, Any]:
    """What an API server stores of `status`: unknown fields are pruned, what breaks a bound is an error."""
    schema = compile_schema(build_schema(KINDS["ScimIntegration"]))
    body = {"spec": {}, "status": json.loads(json.dumps(status))}
    findings = [one for one in schema.validate(body) if "status" in str(one)]
    assert findings == []
    schema.prune(body)
    stored: dict[str, Any] = body["status"]
    return stored


def later(made: Report, **delta: float) -> Report:
    return replace(
        made, started=made.started + timedelta(**delta), finished=made.finished + timedelta(**delta)
    )


def test_a_second_run_that_finds_the_same_gives_the_same_status() -> None:
    first = built(report())
    assert built(later(report(), hours=1), first) == first


def test_times_that_only_say_still_so_move_after_six_hours() -> None:
    first = built(report())
    assert built(later(report(), hours=5, minutes=59), first)["lastSyncTime"] == first["lastSyncTime"]
    assert built(later(report(), hours=6), first)["lastSyncTime"] == "2026-03-02T18:00:01Z"


def test_times_go_along_with_another_change() -> None:
    first = built(report())
    second = built(later(report(plan={"counts": Counts(4, 4)}), hours=1), first)
    assert second["people"]["assigned"] == 4
    assert second["lastSyncTime"] == "2026-03-02T13:00:01Z"


def due(made: Report, following: Next, previous: dict[str, Any] | None = None) -> str | None:
    around = Surroundings("1h0m0s", "ops", following)
    found: str | None = integration_status(previous or {}, made, NOTHING, around).get("nextSyncTime")
    return found


def test_the_next_complete_read_is_told() -> None:
    small, known = replace(report(), is_complete=False), {"nextSyncTime": "2026-03-02T12:30:00Z"}
    assert due(report(), Next(3600)) == "2026-03-02T13:00:01Z"
    assert due(report(), Next(3600, read_at_once=True)) == "2026-03-02T12:00:01Z"
    assert due(failed(Unavailable("x", system="Okta")), Next(2, failed=True)) == "2026-03-02T12:00:03Z"
    assert due(failed(SpecError("x", field="spec")), Next(None, failed=True), known) is None
    assert due(small, Next(3600), known) == "2026-03-02T12:30:00Z"
    assert due(small, Next(60), known) == "2026-03-02T12:01:01Z"
    assert due(small, Next(60, failed=True), known) == "2026-03-02T12:30:00Z"
    assert due(small, Next(60)) == "2026-03-02T12:01:01Z"


def test_a_retry_that_fails_as_before_writes_nothing_for_its_next_time() -> None:
    error = failed(Unavailable("x", system="Okta"))
    first = integration_status({}, error, NOTHING, Surroundings("1h0m0s", "ops", Next(2, failed=True)))
    again = Surroundings("1h0m0s", "ops", Next(4, failed=True))
    assert integration_status(first, later(error, seconds=2), NOTHING, again) == first


def test_what_was_read_is_told() -> None:
    status = built(report())
    assert status["app"]["id"] == "0oa1"
    assert status["app"]["signOnMode"] == "SAML_2_0"
    assert status["probe"] == {"time": "2026-03-02T12:00:00Z", "succeeded": True, "milliseconds": 100}
    assert (status["baseUrl"], status["effectiveInterval"]) == (world.URL, "1h0m0s")
    assert status["stateNamespace"] == "ops"
    assert status["observedGeneration"] == 1


def test_an_error_keeps_what_was_known_and_is_observed_all_the_same() -> None:
    first = built(report(plan={"counts": Counts(4, 4)}))
    error = Unavailable("down", system="Okta")
    moved = failed(
        error, inputs=replace(failed(error).inputs, integration=resource("ScimIntegration", generation=2))
    )
    status = built(later(moved, hours=1), first)
    assert status["people"] == first["people"]
    assert status["observedGeneration"] == 2
    assert of_type(status["conditions"], "Ready")["reason"] == "Unavailable"
    assert of_type(status["conditions"], "Configured")["observedGeneration"] == 1


def test_a_run_that_read_a_few_people_tells_everything_but_when_all_was_read() -> None:
    first = built(report(plan={"counts": Counts(4, 4), "drift": (drift(),)}))
    done = report(
        [action()],
        [outcome(action())],
        is_complete=False,
        plan={"counts": Counts(5, 4), "seats": seats(used=11)},
        desired_with={"seats": world.desired_seats()},
    )
    status = built(later(done, minutes=1), first)
    assert (status["people"]["assigned"], status["drift"]["total"]) == (5, 0)
    assert status["history"][0]["message"] == "1 UpdateAccount"
    assert status["seats"]["used"] == 11
    assert status["lastSyncTime"] == first["lastSyncTime"]


def test_a_run_without_news_changes_nothing() -> None:
    first = built(report(plan={"drift": (drift(),)}))
    again = report(plan={"drift": (drift(),)}, is_complete=False)
    assert built(later(again, minutes=1), first) == first


def test_history_keeps_the_last_five_runs_that_wrote() -> None:
    status: dict[str, Any] = {}
    for number in range(7):
        status = built(later(report([action()], [outcome(action())]), hours=number), status)
    status = built(later(report(), hours=9), status)
    assert [entry["time"][11:13] for entry in status["history"]] == ["18", "17", "16", "15", "14"]


@pytest.mark.parametrize(
    ("outcomes", "result", "failed_count"),
    [
        ([outcome(action())], "Succeeded", None),
        ([outcome(action()), outcome(action(number=2), Result.FAILED, "Rejected")], "PartlyFailed", 1),
        ([outcome(action(), Result.FAILED, "Rejected")], "Failed", 1),
    ],
)
def test_history_tells_how_a_run_went(outcomes: list[Any], result: str, failed_count: int | None) -> None:
    entry = built(report([action()], outcomes), asked=Asked(approval="x", approved_by="ada"))["history"][0]
    assert (entry["result"], entry.get("failed") or None) == (result, failed_count)
    assert entry["approvedBy"] == "ada"


def test_drift_is_counted_and_its_first_twenty_are_told() -> None:
    odd = (drift(DriftKind.ACTIVE, expected=True, actual=None), drift(expected="x" * 500))
    items = (*(drift(number=number) for number in range(25)), *odd)
    status = built(report(plan={"drift": items}))["drift"]
    assert (status["total"], len(status["items"])) == (27, 20)
    assert status["counts"] == {"Active": 1, "Attribute": 26}
    last = built(report(plan={"drift": items[25:]}))["drift"]["items"]
    assert (last[0]["expected"], "actual" in last[0], len(last[1]["expected"])) == ("true", False, 128)


def test_people_are_shown_by_id_where_the_installation_says_so() -> None:
    made = report(
        [action()],
        [outcome(action(), Result.FAILED, "Rejected", "no")],
        held=[(setting(), HoldReason.OBSERVING)],
        plan={"drift": (drift(number=7),)},
    )
    text = json.dumps(built(made, show=show_id)["drift"]) + json.dumps(built(made, show=show_id)["failures"])
    assert "acme.com" not in text
    assert "00u7" in text


def test_a_plan_that_waits_is_told_as_it_was_frozen() -> None:
    frozen = Frozen("f" * 64, 1, NOW - timedelta(hours=1), (action(), action(number=2)))
    verdict = {"frozen": frozen, "digest": "f" * 64, "newer": 3, "message": "2 actions wait"}
    made = report([action()], held=[(action(), HoldReason.AWAITING_APPROVAL)], verdict=verdict)
    plan = built(made)["plan"]
    assert (plan["state"], plan["digest"], plan["total"], plan["newer"]) == (
        "AwaitingApproval",
        "f" * 64,
        2,
        3,
    )
    assert plan["createdTime"] == "2026-03-02T11:00:00Z"
    assert plan["expiresTime"] == "2026-03-03T11:00:00Z"


@pytest.mark.parametrize(
    ("held", "outcomes", "state"),
    [
        (HoldReason.OBSERVING, [], "Observed"),
        (HoldReason.OUTSIDE_WINDOW, [], "Held"),
        (None, [outcome(action())], "Applied"),
        (None, [], "Approved"),
    ],
)
def test_the_state_of_a_plan(held: HoldReason | None, outcomes: list[Any], state: str) -> None:
    made = report([action()], outcomes, held=[(action(), held)] if held else [])
    assert built(made)["plan"]["state"] == state


def test_a_plan_that_was_applied_stays_until_the_next_and_one_that_lapsed_goes() -> None:
    applied = built(report([action()], [outcome(action())]))
    assert built(later(report(), hours=1), applied)["plan"] == applied["plan"]
    observed = built(report([action()], held=[(action(), HoldReason.OBSERVING)]))
    assert "plan" not in built(later(report(), hours=1), observed)


def test_a_plan_keeps_the_time_when_it_was_first_seen() -> None:
    held = [(action(), HoldReason.OBSERVING)]
    first = built(report([action()], held=held))
    second = built(later(report([action()], held=held), hours=1), first)
    assert second == first


def test_the_first_fifty_actions_are_told_and_all_are_counted() -> None:
    actions = [action(ActionKind.CREATE_ACCOUNT, number) for number in range(60)]
    plan = built(report(actions, held=[(one, HoldReason.OBSERVING) for one in actions]))["plan"]
    assert (plan["total"], len(plan["actions"]), plan["summary"]) == (60, 50, {"CreateAccount": 60})


def test_manual_steps_keep_since_when_they_are_open() -> None:
    step = ManualStep("s1", "Turn it on", "Console", "Click", "Read", blocks=False, digest="x")
    first = built(report(plan={"steps": (step,)}))
    assert first["manualSteps"][0]["since"] == "2026-03-02T12:00:01Z"
    other = replace(step, step_id="s2")
    second = built(later(report(plan={"steps": (step, other)}), hours=1), first)
    assert [one["since"][11:13] for one in second["manualSteps"]] == ["12", "13"]
    assert second["manualStepsOpen"] == 2


def test_failures_are_told_with_their_reason_and_vanish_with_the_next_good_run() -> None:
    bad = built(report([action()], [outcome(action(), Result.FAILED, "Rejected", "no e-mail")]))
    assert bad["failures"] == [
        {"what": "p1@acme.com", "action": "UpdateAccount", "reason": "Rejected", "message": "no e-mail"}
    ]
    assert "failures" not in built(later(report(), hours=1), bad)


def test_what_annotations_asked_for_is_echoed() -> None:
    status = built(report(), asked=Asked("now", "d#1", "", "ada#1"))
    assert status["lastHandledReconcileAt"] == "now"
    assert status["lastHandledApproval"] == "d#1"
    assert status["lastHandledSyncUser"] == "ada#1"


def test_an_error_after_the_plan_tells_what_was_written_before() -> None:
    made = report([action()], [outcome(action())], error=Unavailable("down", system="SCIM"))
    status = built(made)
    assert status["history"][0]["actions"] == 1
    assert "people" not in status


def test_without_a_reading_there_is_no_app_to_tell() -> None:
    nothing: Actual | None = None
    assert "app" not in built(report(actual=nothing))


def test_a_request_for_nobody_is_answered_and_nothing_else_changes() -> None:
    first = built(report())
    known = resource("ScimIntegration", status=first)
    assert unknown_user_status(known, "ada#1", NOW) == {**first, "lastHandledSyncUser": "ada#1"}


def test_what_another_hand_left_in_the_status_is_not_kept() -> None:
    first = built(report([action()], [outcome(action())]))
    conditions = [*first["conditions"], {"type": "Ready"}]
    spoiled = {**first, "conditions": conditions, "people": {"assigned": "many"}, "isNew": 1}
    assert built(later(report(), hours=1), spoiled)["conditions"] == first["conditions"]
    assert built(later(report(), hours=1), spoiled)["people"]["assigned"] == first["people"]["assigned"]


def test_texts_of_okta_that_are_too_long_are_cut_and_cost_nothing_else() -> None:
    state = world.actual()
    app = replace(state.app, status="S" * 500, sign_on_mode="M" * 500, org_id="o" * 500)
    app_status = built(report(actual=replace(state, app=app)))["app"]
    assert {len(app_status[name]) for name in ("status", "signOnMode", "orgId")} == {64}


def test_a_new_generation_that_takes_long_says_so() -> None:
    status = progressing_status(resource("ScimIntegration", generation=3), NOW)
    assert of_type(status["conditions"], "Reconciling")["reason"] == "Progressing"
    assert status["observedGeneration"] == 3
    assert kstatus_faults({"metadata": {"generation": 3}, "status": status}) == []


def test_the_largest_status_stays_below_64_kib() -> None:
    long = "語" * 2000
    people = [action(number=number, label=long, why=long) for number in range(500)]
    made = report(
        people,
        [outcome(one, Result.FAILED, "Rejected", long) for one in people],
        plan={
            "drift": tuple(
                drift(number=number, what=long, expected=long, actual=long) for number in range(500)
            ),
            "steps": tuple(ManualStep(f"s{n}", long, long, long, "Read", False, "x") for n in range(30)),
        },
    )
    status: dict[str, Any] = {}
    for number in range(6):
        status = built(later(made, hours=number), status)
    assert len(json.dumps(status, ensure_ascii=False).encode()) < 64 * 1024
    assert status["plan"]["total"] == 500
    assert len(status["conditions"]) == 8


def test_how_far_the_safeguards_are_used_up_is_told() -> None:
    removal = action(ActionKind.DEACTIVATE_ACCOUNT, 2, touch=Touch.REMOVAL)
    known = world.memory(window=(Touched("00u1", "Removal", "2026-03-02T11:00:00Z"),))
    held = report(
        [removal],
        held=[(removal, HoldReason.SAFETY_THRESHOLD_EXCEEDED)],
        verdict={"tripped": (Touch.REMOVAL,)},
        memory=known,
    )
    assert built(held)["safeguards"] == {
        "removals": {"counted": 1, "limit": 5, "planned": 1},
        "tripped": ["Removals"],
    }
    assert built(report(memory=known))["safeguards"] == {"removals": {"counted": 1, "limit": 5, "planned": 0}}
    assert "safeguards" not in built(report())
    unread = report(memory=known, actual=None)
    assert "safeguards" not in built(unread)


def test_what_waits_for_a_confirmation_is_listed() -> None:
    sent = Deferred("new@acme.com", "p1@acme.com", "2026-03-02T12:00:00Z")
    kept = world.memory(deferred={OktaId("00u1"): {"emails[primary]": sent}})
    state = world.actual([world.person(1)])
    told = report(memory=kept, actual=state)
    shown = integration_status({}, told, Asked(), HOURLY)
    row = {"what": "p1@acme.com", "path": "emails[primary]", "value": "new@acme.com", "since": sent.at}
    assert shown["unconfirmed"] == {"total": 1, "items": [row]}
    by_id = integration_status({}, told, Asked(), HOURLY, show_id)["unconfirmed"]["items"][0]
    assert by_id == {"what": "00u1", "path": "emails[primary]", "since": sent.at}
    assert "1 change waits for a confirmation" in of_type(shown["conditions"], "InSync")["message"]
    assert "unconfirmed" not in integration_status({}, report(), Asked(), HOURLY)
