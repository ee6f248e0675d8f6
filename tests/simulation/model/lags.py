"""What may be wrong for a while, but not for long: a free seat, a leaver who is still in, a Ready that lies."""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.simulation.model.history import Past
from tests.simulation.model.judge import Judge
from tests.simulation.model.truth import Case
from tests.simulation.model.view import condition

SEAT_SECONDS = 12 * 60.0
"""A seat that is free goes to whoever waits within this time; events arrive within 30 s."""
RUN_SECONDS = 5 * 60.0
"""A run without a fault is over this long after it has read the accounts."""
SETTLE_SECONDS = 15 * 60.0
"""What a fault has left is over this long after the fault: retries are at most five minutes apart."""
REMOTE = frozenset({
    "Unavailable", "Unreachable", "ConnectionRefused", "ConnectionClosed", "Timeout", "Incomplete", "NotScim",
    "NotOkta", "NotAdminApi", "RateLimited", "Rejected", "WritesFailed", "ChangedMeanwhile", "CredentialsRejected",
    "AccessDenied", "MissingPermission", "UnexpectedError", "FilterIgnored", "ProgressingWithRetry",
})  # fmt: skip
"""Reasons of Ready=False that tell of a call that failed."""
UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0}


def seconds_of(duration: str) -> float:
    """Go's durations, as the specs of a world have them: one number and one unit."""
    return float(duration[:-1]) * UNITS[duration[-1]]


@dataclass(slots=True)
class Lags:
    """How long each integration has been as it should not be."""

    judge: Judge
    seats: dict[str, Past[bool]] = field(default_factory=dict)
    leavers: dict[str, dict[str, float]] = field(default_factory=dict)
    ready: dict[str, Past[bool]] = field(default_factory=dict)

    def check(self, at: float, quiet_since: dict[str, float]) -> None:
        """Looks at every integration; `quiet_since` is when the last fault that concerns it was over."""
        for case in self.judge.cases.values():
            self.judge.fill(case)
            since = quiet_since[case.name]
            self._seats(case, at, since)
            self._leavers(case, at, since)
            self._ready(case, at, since)

    def _seats(self, case: Case, at: float, since: float) -> None:
        free = case.free()
        unable = case.blocked() | case.left_to_hands()
        able = [one for one in case.candidates() if one not in unable]
        wrong = case.writes_freely and _is_first_over(case) and free is not None and free > 0 and bool(able)
        past = self.seats.setdefault(case.name, Past())
        past.note(at, wrong)
        begun = max(past.begun(), since)
        if (
            wrong
            and at - begun > SEAT_SECONDS
            and not self.judge.has_unread_edits(case.name, at - RUN_SECONDS)
        ):
            self.judge.find(
                "AFreeSeatIsPassedOn", case.name, at,
                f"{free} seats are free and {len(able)} people could have one, for {SEAT_SECONDS / 60:.0f} minutes "
                f"without a fault; the first is {case.names.get(able[0])}",
            )  # fmt: skip

    def _leavers(self, case: Case, at: float, since: float) -> None:
        """By person: whoever was deactivated in Okta loses the account within the interval and a bound."""
        known = self.leavers.setdefault(case.name, {})
        inside = {
            account.external_id
            for account in case.accounts.values()
            if account.active
            and self._left(case, account.external_id)
            and (case.name, account.id) not in self.judge.by_hand
        }
        for okta_id in [okta_id for okta_id in known if okta_id not in inside]:
            del known[okta_id]
        if not case.is_ours or case.spec.get("mode") == "Observe":
            known.clear()
            return
        bound = seconds_of(case.spec["interval"]) + SETTLE_SECONDS
        for okta_id in sorted(inside):
            begun = known.setdefault(okta_id, at)
            if at - max(begun, since) > bound:
                self.judge.find(
                    "ALeaverLosesTheAccount", case.name, at,
                    f"{okta_id} left Okta and has an active account for {bound / 60:.0f} minutes without a fault",
                )  # fmt: skip

    def _left(self, case: Case, okta_id: str) -> bool:
        user = self.judge.okta.users.get(okta_id)
        lifecycle = (case.spec.get("lifecycle") or {}).get("deactivated", "Deactivate")
        return user is not None and user.status == "DEPROVISIONED" and lifecycle == "Deactivate"

    def _ready(self, case: Case, at: float, since: float) -> None:
        ready = condition({"status": case.status}, "Ready")
        is_wrong = case.writes_freely and ready.get("status") == "False" and ready.get("reason") in REMOTE
        if ready.get("reason") == "WritesFailed" and (case.held_up() or case.blocked()):
            is_wrong = False  # every write of a run fails where nobody can carry it out
        past = self.ready.setdefault(case.name, Past())
        past.note(at, is_wrong)
        if is_wrong and at - max(past.begun(), since) > SETTLE_SECONDS:
            self.judge.find(
                "ReadyComesBackAfterAFault", case.name, at,
                f"Ready=False/{ready.get('reason')} for {SETTLE_SECONDS / 60:.0f} minutes after the last fault: "
                f"{ready.get('message', '')[:200]}",
            )  # fmt: skip


def _is_first_over(case: Case) -> bool:
    """Whether nothing waits for a person: the first in the order keeps the seat until a plan is approved, and
    nobody is read while the spec names an app that is not there."""
    reason = condition({"status": case.status}, "InSync").get("reason")
    is_lost = condition({"status": case.status}, "Stalled").get("reason") == "AppNotFound"
    return reason not in ("AwaitingApproval", "SafetyThresholdExceeded", None) and not is_lost
