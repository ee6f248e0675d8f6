"""Who has a seat and has not signed in for long: a report, never a reason to do anything.

Called by reconcile for status. What the provider knows of people's activity counts where its admin API tells
it; else the last sign-in to Okta, so that only those are told who cannot have used the app since. Beside
either counts a sign-in to the app that Okta's System Log tells: the newest of what is known.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from controller.model.actual import DAY_ZERO, Actual, Memory
from controller.model.people import OktaId, Person
from controller.names import fold
from controller.parsing import parse_moment
from controller.planning.base.desired import Desired


@dataclass(frozen=True, slots=True)
class Inactive:
    """One person; `last_sign_in` is RFC 3339, "" for never."""

    okta_id: OktaId
    login: str
    last_sign_in: str


def find_inactive(
    desired: Desired, actual: Actual, sign_ins: Mapping[OktaId, int], now: datetime
) -> tuple[Inactive, ...] | None:
    """The assigned people with an active account who have not signed in for spec.reclaim.inactiveFor, longest
    first; None where nobody asks. Who was assigned later than that is not inactive yet. `sign_ins` is
    Memory.sign_ins: a day counts until its end."""
    if desired.seats is None or desired.seats.inactive_for is None:
        return None
    border = now - desired.seats.inactive_for
    seated = {account.external_id for account in actual.accounts.accounts if account.active}
    known = actual.provider.last_active
    found = []
    for person in actual.assignments.people:
        to_app = DAY_ZERO + timedelta(days=sign_ins.get(person.okta_id, -1))
        last = _newest(_last_sign_in(person, known), to_app)
        latest = max(_moment(last), to_app + timedelta(days=1), _moment(person.assigned_at))
        if person.okta_id in seated and latest < border:
            found.append(Inactive(person.okta_id, person.login, last))
    return tuple(sorted(found, key=lambda one: (_moment(one.last_sign_in), fold(one.login), one.okta_id)))


def _last_sign_in(person: Person, known: Mapping[OktaId, str] | None) -> str:
    return person.last_sign_in if known is None else known.get(person.okta_id, "")


def kept_sign_ins(desired: Desired, actual: Actual, memory: Memory) -> Mapping[OktaId, int]:
    """What of `memory.sign_ins` the next run may want: none where nobody asks, else those of the people who
    are assigned."""
    if desired.seats is None or desired.seats.inactive_for is None:
        return {}
    assigned = (person.okta_id for person in actual.assignments.people)
    return {okta_id: memory.sign_ins[okta_id] for okta_id in assigned if okta_id in memory.sign_ins}


def _newest(told: str, to_app: datetime) -> str:
    """The later of the two; `told` where the app was never signed in to."""
    return told if to_app < DAY_ZERO or _moment(told) >= to_app else to_app.strftime("%Y-%m-%dT%H:%M:%SZ")


_NEVER = datetime.min.replace(tzinfo=UTC)


def _moment(text: str) -> datetime:
    """The time in `text`; the beginning of time where it is none."""
    return parse_moment(text, UTC) or _NEVER
