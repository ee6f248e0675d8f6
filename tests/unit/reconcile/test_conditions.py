"""Conditions: errors to findings, transition times, and the checker that states the rules from outside."""

from __future__ import annotations

from typing import Any

import pytest

from controller.api.status import Condition
from controller.errors import (
    ControllerError,
    NotFound,
    RateLimited,
    SpecError,
    Unauthorized,
    Unavailable,
    Waiting,
)
from controller.reconcile.conditions import (
    ORDER,
    Finding,
    condition_of,
    error_findings,
    settle,
)
from controller.reconcile.reasons import KNOWN, Reason, known_reason
from tests.kstatus import kstatus_faults

OKTA = {"system": "Okta"}
T1, T2 = "2026-03-02T12:00:00Z", "2026-03-02T13:00:00Z"


@pytest.mark.parametrize(
    ("error", "ready", "trouble", "also"),
    [
        (SpecError("no", field="spec.x"), "InvalidSpec", "Stalled", ""),
        (SpecError("no", field="spec.x", reason="Nonsense"), "InvalidSpec", "Stalled", ""),
        (
            SpecError("no", field="spec.okta", reason="AppNotFound"),
            "AppNotFound",
            "Stalled",
            "ReferencesResolved",
        ),
        (
            SpecError("no", field="x", reason="HostNotAllowed"),
            "HostNotAllowed",
            "Stalled",
            "CredentialsValid",
        ),
        (Waiting("no", reason="SecretNotFound"), "SecretNotFound", "Reconciling", "ReferencesResolved"),
        (Waiting("no"), "Waiting", "Reconciling", ""),
        (Unauthorized("no", **OKTA), "CredentialsRejected", "Stalled", "CredentialsValid"),
        (Unauthorized("no", **OKTA, reason="Nonsense"), "CredentialsRejected", "Stalled", "CredentialsValid"),
        (RateLimited("no", **OKTA, retry_after_seconds=3), "RateLimited", "Reconciling", ""),
        (Unavailable("no", **OKTA), "Unavailable", "Reconciling", ""),
        (Unavailable("no", **OKTA, reason="Nonsense"), "Unavailable", "Reconciling", ""),
        (NotFound("no", **OKTA), "NotFound", "Reconciling", ""),
        (NotFound("no", **OKTA, reason="Nonsense"), "Rejected", "Reconciling", ""),
        (ControllerError("no"), "UnexpectedError", "Reconciling", ""),
        (KeyError("x"), "UnexpectedError", "Reconciling", ""),
    ],
)
def test_an_error_says_what_happens_next(error: Exception, ready: str, trouble: str, also: str) -> None:
    found = {finding.type: finding for finding in error_findings(error)}
    assert (found["Ready"].status, found["Ready"].reason) == ("False", ready)
    assert found[trouble].status == "True"
    assert len({"Stalled", "Reconciling"} & found.keys()) == 1
    if also:
        assert (found[also].status, found[also].reason) == ("False", ready)
    assert (found["InSync"].status, found["InSync"].reason) == ("Unknown", "DriftUnknown")


def test_a_bug_shows_its_kind_and_not_its_words() -> None:
    told = error_findings(ValueError("the secret is hunter2"))[0].message
    assert "ValueError" in told
    assert "hunter2" not in told


def test_a_refused_credential_means_that_the_secret_was_found() -> None:
    found = {one.type: one for one in error_findings(Unauthorized("no", **OKTA))}
    assert found["ReferencesResolved"].status == "True"


def test_transition_time_moves_with_the_status_only() -> None:
    first = settle([Finding("Ready", "False", Reason.UNAVAILABLE, "a")], [], 1, T1)
    same = settle([Finding("Ready", "False", Reason.TIMEOUT, "b")], first, 2, T2)
    assert same[0].last_transition_time == T1
    assert (same[0].reason, same[0].observed_generation) == ("Timeout", 2)
    flipped = settle([Finding("Ready", "True", Reason.SUCCEEDED, "c")], same, 2, T2)
    assert flipped[0].last_transition_time == T2


def test_what_was_not_found_out_stays_but_negative_ones_go() -> None:
    before = settle(
        [
            Finding("Ready", "False", Reason.UNAVAILABLE, "a"),
            Finding("Reconciling", "True", Reason.PROGRESSING_WITH_RETRY, "a"),
            Finding("Configured", "True", Reason.CONFIGURED, "a"),
        ],
        [Condition(type="Foreign", status="True", last_transition_time=T1, reason="Other", message="x")],
        1,
        T1,
    )
    after = settle([Finding("Ready", "True", Reason.SUCCEEDED, "b")], before, 2, T2)
    assert [one.type for one in after] == ["Ready", "Configured"]
    assert after[1] in before


def test_conditions_come_in_the_order_that_kstatus_reads() -> None:
    found = settle([Finding(kind, "True", Reason.SUCCEEDED, "x") for kind in reversed(ORDER)], [], 1, T1)
    assert [one.type for one in found] == list(ORDER)


def test_long_messages_are_cut_to_one_kibibyte() -> None:
    (made,) = settle([Finding("Ready", "False", Reason.REJECTED, "x" * 5000)], [], 1, T1)
    assert len(made.message) == 1024


def test_reasons_are_camel_case_and_say_what_they_mean() -> None:
    for name, reason in KNOWN.items():
        assert name.isalpha()
        assert name[0].isupper()
        assert reason.meaning.endswith((".", "why"))
    assert known_reason("InSync", Reason.REJECTED) is Reason.IN_SYNC
    assert known_reason("Other", Reason.REJECTED) is Reason.REJECTED
    assert condition_of(Reason.UNAVAILABLE) == ""


def seen(*conditions: dict[str, Any], observed: int = 1, generation: int = 1) -> dict[str, Any]:
    status: dict[str, Any] = {"observedGeneration": observed, "conditions": list(conditions)}
    return {"metadata": {"generation": generation}, "status": status}


def one(kind: str, status: str = "True", **changes: Any) -> dict[str, Any]:
    made = {
        "type": kind,
        "status": status,
        "observedGeneration": 1,
        "lastTransitionTime": T1,
        "reason": "Succeeded",
        "message": "x",
    }
    return {**made, **changes}


def test_a_good_status_has_no_fault_nor_has_one_that_nobody_has_written() -> None:
    assert kstatus_faults(seen(one("Ready"), one("InSync", "False"))) == []
    assert kstatus_faults(seen(one("Ready", "False"), one("Stalled"))) == []
    assert kstatus_faults({"metadata": {}}) == []
    assert kstatus_faults(seen(observed=-1)) == []


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        (seen(one("InSync")), "Ready is missing"),
        (seen(one("Ready"), one("Ready")), "Ready is there twice"),
        (seen(one("Ready", "False"), one("Stalled"), one("Reconciling")), "Reconciling and Stalled"),
        (seen(one("Ready"), one("Stalled")), "Ready is True while Stalled"),
        (seen(one("Ready"), one("Reconciling")), "Ready is True while Reconciling"),
        (seen(one("Ready"), generation=2), "Ready is True for an older generation"),
        (seen(one("Ready"), one("InSync", observedGeneration=0)), "InSync is about another generation"),
        (seen(one("Ready", "False", observedGeneration=0)), "Ready is not about the observed generation"),
        (seen(one("Ready", "False"), one("Stalled", "False")), "Stalled is there without being True"),
        (seen(one("Readiness"), one("Ready")), "Readiness is no type of ours"),
        (seen(one("Ready", "Maybe")), "Ready has no status"),
        (seen(one("Ready", reason="Whatever")), "undocumented reason 'Whatever'"),
        (seen(one("Ready", lastTransitionTime="")), "has no lastTransitionTime"),
        (seen(one("Ready", message="")), "has no message"),
        (seen(one("Ready", message="x" * 1025)), "above 1 KiB"),
        (seen(one("Ready", observedGeneration=9)), "a generation to come"),
        ({**seen(one("Ready")), "status": {**seen(one("Ready"))["status"], "x": "y" * 70000}}, "64 KiB"),
    ],
)
def test_each_broken_rule_is_told(body: dict[str, Any], fault: str) -> None:
    faults = kstatus_faults(body)
    assert any(fault in each for each in faults), faults
