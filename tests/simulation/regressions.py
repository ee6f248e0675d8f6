"""Worlds that once showed a defect, by seed: each is run in every CI. What is not fixed yet names its issue."""

from __future__ import annotations

from dataclasses import dataclass

from tests.simulation.known import JUDGE


@dataclass(frozen=True, slots=True)
class Regression:
    """One world. With `issue` the invariant is still broken there, without it it holds."""

    name: str
    seed: int
    invariant: str
    events: str = ""
    """Numbers of the events that happen, separated by commas; "" for all of them."""
    issue: str = ""


REGRESSIONS: tuple[Regression, ...] = (
    Regression("a-small-run-says-nobody-waits", 16, "WaitingIsToldAsItIs"),
    Regression("a-seat-waits-for-a-full-run", 21, "AFreeSeatIsPassedOn"),
    Regression("two-swap-logins", 6, "LoginsInACircleConverge"),
    Regression("a-group-is-renamed-by-hand", 32, "ARenamedGroupIsPutRight", issue=JUDGE),
    Regression("scim-is-switched-off-and-the-server-dies", 11, "QuietMeansReady"),
    Regression("an-address-is-never-confirmed", 16, "EveryAttributeIsAsInOkta"),
    Regression("drift-is-only-reported", 19, "AFreeSeatIsPassedOn"),
    Regression("whose-seat-it-is-waits-for-approval", 5, "AFreeSeatIsPassedOn"),
    Regression("a-plan-runs-as-its-status-is-written", 7, "WaitingIsToldAsItIs"),
)
