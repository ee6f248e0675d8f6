"""Status of an OktaOrg: by runs that used it, by its own check, and while everything that uses it is
suspended."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from controller.api.crds import build_schema
from controller.api.kinds import KINDS
from controller.api.okta_org import BucketStatus
from controller.errors import SpecError, Unauthorized, Unavailable, Waiting
from controller.reconcile.org_status import (
    Check,
    OrgFacts,
    checked_status,
    idle_status,
    org_status,
    unchecked_status,
)
from controller.reconcile.report import Report
from controller.schema.structural import compile_schema
from tests.kstatus import kstatus_faults
from tests.unit.reconcile.reports import NOW, failed, of_type, report, resource

TWO = OrgFacts(2)
FULL = BucketStatus(name="apps", limit=100, remaining=3)
WELL = Check("00o1")


def brief(status: dict[str, Any], kind: str) -> tuple[str, str]:
    found = of_type(status["conditions"], kind)
    return found.get("status", ""), found.get("reason", "")


def seen(status: dict[str, Any], generation: int = 1) -> dict[str, Any]:
    """`status`, which obeys kstatus and is what the CRD takes."""
    assert kstatus_faults({"metadata": {"generation": generation}, "status": status}) == []
    findings = compile_schema(build_schema(KINDS["OktaOrg"])).validate({"spec": {}, "status": status})
    assert [one for one in findings if "status" in str(one)] == []
    return status


def used(made: Report, facts: OrgFacts = TWO, **changes: Any) -> dict[str, Any]:
    return seen(org_status(resource("OktaOrg", **changes), made, facts, NOW), changes.get("generation", 1))


def checked(check: Check, facts: OrgFacts = TWO, **changes: Any) -> dict[str, Any]:
    return seen(
        checked_status(resource("OktaOrg", **changes), check, facts, NOW), changes.get("generation", 1)
    )


def unchecked(facts: OrgFacts = TWO, **changes: Any) -> dict[str, Any]:
    return seen(unchecked_status(resource("OktaOrg", **changes), facts, NOW), changes.get("generation", 1))


def test_an_org_that_answers_is_ready() -> None:
    status = used(report())
    assert (brief(status, "Ready"), brief(status, "CredentialsValid")) == (
        ("True", "Succeeded"),
        ("True", "Accepted"),
    )
    assert (status["orgId"], status["integrations"], status["budgetPercent"]) == ("00o1", 2, 30)


def test_an_org_that_nobody_uses_is_ready_by_its_own_check() -> None:
    status = checked(WELL, OrgFacts(0))
    assert (brief(status, "Ready"), brief(status, "CredentialsValid")) == (
        ("True", "Succeeded"),
        ("True", "Accepted"),
    )
    assert (status["orgId"], status["integrations"]) == ("00o1", 0)
    assert checked(WELL, OrgFacts(0), status=status) == status, "a second check writes nothing"


@pytest.mark.parametrize(
    ("error", "ready", "also"),
    [
        (Unauthorized("no", system="Okta"), "CredentialsRejected", "Stalled"),
        (Unavailable("down", system="Okta"), "Unavailable", "Reconciling"),
        (Waiting("no Secret", reason="SecretNotFound"), "SecretNotFound", "Reconciling"),
        (SpecError("no", field="spec.auth.secretRef", reason="HostNotAllowed"), "HostNotAllowed", "Stalled"),
    ],
)
def test_a_check_that_fails_says_why(error: Exception, ready: str, also: str) -> None:
    status = checked(Check(error=error))
    assert brief(status, "Ready") == ("False", ready)
    assert brief(status, also)[0] == "True"
    well = checked(WELL, status=status, generation=2)
    assert brief(well, "Ready") == ("True", "Succeeded")
    assert brief(well, also) == ("", "")


def test_a_check_answers_the_request_for_it() -> None:
    assert checked(Check("00o1", requested_at="now"))["lastHandledReconcileAt"] == "now"
    assert checked(Check(error=Unavailable("x", system="Okta"), requested_at="now"))["lastHandledReconcileAt"]


@pytest.mark.parametrize(("reason", "stays"), [("MissingScope", True), ("CredentialsRejected", False)])
def test_a_check_does_not_take_back_a_missing_permission_that_a_run_has_met(reason: str, stays: bool) -> None:
    refused = used(failed(Unauthorized("no", system="Okta", reason=reason)))
    assert (checked(WELL, status=refused)["conditions"] == refused["conditions"]) is stays
    assert brief(checked(WELL, OrgFacts(0), status=refused), "Ready")[0] == "True", "nobody needs it any more"
    assert brief(checked(WELL, status=refused, generation=2), "Ready")[0] == "True", "the spec is another one"
    assert brief(used(report(), status=refused), "Ready")[0] == "True", "a run that needs it went well"


def test_an_org_tells_errors_of_okta_and_none_of_the_provider() -> None:
    refused = used(failed(Unauthorized("no", system="Okta")))
    assert brief(refused, "CredentialsValid") == ("False", "CredentialsRejected")
    down = used(failed(Unavailable("down", system="Okta")))
    assert brief(down, "Ready") == ("False", "Unavailable")
    own = used(failed(SpecError("no", field="spec.url", kind="OktaOrg", name="acme")))
    assert brief(own, "Stalled") == ("True", "InvalidSpec")
    well = used(report())
    assert used(failed(Unauthorized("no", system="SCIM")), status=well) == well
    assert used(failed(Unauthorized("no", system="SCIM")), status=own)["conditions"] == own["conditions"]


def test_an_org_that_was_never_called_is_unknown() -> None:
    assert brief(unchecked(), "Ready") == ("Unknown", "NotVerified")
    well = checked(WELL)
    assert unchecked(status=well) == well
    assert unchecked(OrgFacts(3), status=well)["integrations"] == 3
    assert brief(unchecked(status=well, generation=2), "Ready") == ("Unknown", "NotVerified")


def test_an_org_whose_integrations_are_all_suspended_is_not_called_and_says_so() -> None:
    facts = OrgFacts(1, 1)
    assert [OrgFacts(*counts).is_idle for counts in ((0, 0), (1, 1), (2, 1))] == [False, True, False]
    new = seen(idle_status(resource("OktaOrg"), facts, NOW))
    assert brief(new, "Ready") == ("Unknown", "Suspended")
    well = checked(WELL)
    kept = seen(idle_status(resource("OktaOrg", status=well), facts, NOW))
    assert kept["conditions"] == well["conditions"], "what was found out is still what is known"


@pytest.mark.parametrize(("waits", "told"), [(True, "Throttled"), (False, "Ok"), (None, None)])
def test_an_org_tells_whether_its_calls_wait(waits: bool | None, told: str | None) -> None:
    assert used(report(), OrgFacts(2, is_throttled=waits)).get("budget") == told


def test_the_buckets_that_held_calls_back_are_told_and_their_rest_alone_writes_nothing() -> None:
    first = checked(WELL, OrgFacts(2, is_throttled=False, buckets=(FULL,)))
    assert first["buckets"] == [{"name": "apps", "limit": 100, "remaining": 3}]
    lower = FULL.model_copy(update={"remaining": 1})
    assert checked(WELL, OrgFacts(2, is_throttled=False, buckets=(lower,)), status=first) == first
    users = BucketStatus(name="users", limit=10, remaining=0)
    more = checked(WELL, OrgFacts(2, is_throttled=False, buckets=(users, lower)), status=first)
    assert [one["remaining"] for one in more["buckets"]] == [0, 1]
    assert "buckets" not in checked(WELL, OrgFacts(2, is_throttled=False), status=more)


def test_the_last_event_goes_along_and_alone_is_written_after_six_hours() -> None:
    first = checked(WELL, OrgFacts(2, last_event=NOW))
    assert first["lastEventTime"] == "2026-03-02T12:00:00Z"
    soon = OrgFacts(2, last_event=NOW + timedelta(hours=5))
    assert checked(WELL, soon, status=first) == first
    along = checked(WELL, OrgFacts(3, last_event=soon.last_event), status=first)
    assert along["lastEventTime"] == "2026-03-02T17:00:00Z"
    later = OrgFacts(2, last_event=NOW + timedelta(hours=6))
    assert checked(WELL, later, status=first)["lastEventTime"] == "2026-03-02T18:00:00Z"
