"""Bugs that are planted to try the judge: one changed line each, and the seed whose world shows it.

`SIMULATE_PLANTED=name` plants one: the module's source is changed as it is imported, nothing on disk is touched.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import ModuleType
from typing import Any

VARIABLE = "SIMULATE_PLANTED"


@dataclass(frozen=True, slots=True)
class Planted:
    """One bug: in `module`, `line` reads `instead`. The world of `seed` breaks `invariant` with it, and without
    it does not."""

    name: str
    module: str
    line: str
    instead: str
    seed: int = 0
    invariant: str = ""


PLANTED: tuple[Planted, ...] = (
    # Planning.
    Planted(
        "observe-writes",
        "controller.planning.policy.decision",
        'if desired.mode == "Observe":',
        'if desired.mode == "observe":',
    ),
    Planted(
        "no-approval-needed",
        "controller.planning.policy.decision",
        'if desired.mode == "Approve" or facts.is_first',
        "if facts.is_first",
        4,
        "NothingIsWrittenWithoutApproval",
    ),
    Planted(
        "windows-are-open",
        "controller.planning.policy.decision",
        "is_closed=not is_open(desired.windows, at.now),",
        "is_closed=False,",
    ),
    Planted(
        "blocked-is-run",
        "controller.planning.policy.decision",
        "reason = next((held[need] for need in action.needs if need in held), None)",
        "reason = None",
    ),
    Planted(
        "a-second-look-is-not-taken",
        "controller.planning.policy.decision",
        "unconfirmed=actual.assignments.unconfirmed,",
        "unconfirmed=frozenset(),",
    ),
    Planted(
        "safeguard-never-trips",
        "controller.planning.policy.change_limits",
        "if touch in fresh and len(touched[touch]) > limit:",
        "if touch in fresh and len(touched[touch]) > limit + 50:",
    ),
    Planted(
        "removals-allow-everybody",
        "controller.planning.policy.change_limits",
        "return max(minimum, min(limit.count, share))",
        "return max(minimum, limit.count, share)",
    ),
    Planted(
        "two-seats-too-many",
        "controller.planning.seats.admission",
        "capacity = max(0, room.free + len(freeing))",
        "capacity = max(0, room.free + len(freeing) + 2)",
        3,
        "WhoShouldHasAnAccount",
    ),
    Planted(
        "the-reserve-is-given-away",
        "controller.planning.seats.admission",
        "return self.limit - self.reserve - self.used",
        "return self.limit - self.used",
    ),
    Planted(
        "one-seat-is-never-given",
        "controller.planning.seats.admission",
        "capacity = max(0, room.free + len(freeing))",
        "capacity = max(0, room.free + len(freeing) - 1)",
        3,
        "WhoShouldHasAnAccount",
    ),
    Planted(
        "one-who-waits-is-left-out",
        "controller.planning.seats.admission",
        "for person, _ in ordered[capacity:])",
        "for person, _ in ordered[capacity + 1:])",
        3,
        "QuietStatusTellsWhoWaits",
    ),
    Planted(
        "freed-seats-are-not-counted",
        "controller.planning.seats.admission",
        "seats.used + taken - freed,",
        "seats.used + taken,",
        7,
        "UsedSeatsAreToldAsTheyAre",
    ),
    Planted(
        "a-freed-seat-is-taken-before-it-is-free",
        "controller.planning.seats.admission",
        "return action if place < 0 else replace(action, needs=(*action.needs, freeing[place].key))",
        "return action",
    ),
    Planted(
        "an-owner-is-overlooked",
        "controller.planning.people.matching",
        "owner = self.owner(named[0])",
        'owner = ""',
        3,
        "NoAccountChangesItsOwner",
    ),
    Planted(
        "names-are-folded-fully",
        "controller.names",
        'return normalize("NFC", normalize("NFC", text).lower())',
        'return normalize("NFC", normalize("NFC", text).casefold())',
        5,
        "WhoShouldHasAnAccount",
    ),
    Planted(
        "what-is-adopted-is-not-noted",
        "controller.planning.people.plan",
        "self._taken.add(account.scim_id)",
        "pass",
    ),
    Planted(
        "who-is-listed-and-left-stays",
        "controller.planning.people.plan",
        'if rule == "Deactivate":\n            self._deactivate(person.okta_id',
        'if rule == "Never":\n            self._deactivate(person.okta_id',
        5,
        "WhoLeftHasNoAccount",
    ),
    Planted(
        "who-is-unassigned-stays",
        "controller.planning.people.plan",
        "rule = self.desired.on_deactivated if is_leaver else self.desired.on_unassigned",
        'rule = self.desired.on_deactivated if is_leaver else "Keep"',
    ),
    Planted(
        "unassigned-is-not-looked-at",
        "controller.planning.people.plan",
        "or not account.active:\n                continue",
        "or account.active:\n                continue",
        2,
        "WhoLeftHasNoAccount",
    ),
    Planted(
        "drift-is-only-reported",
        "controller.planning.people.plan",
        "if is_edited and not self.desired.corrects_drift:\n            return",
        "if is_edited:\n            return",
        5,
        "EveryAttributeIsAsInOkta",
    ),
    Planted(
        "who-was-deactivated-by-hand-stays-out",
        "controller.planning.people.plan",
        "or (is_edited and not self.desired.corrects_drift):\n            return\n        why",
        "or is_edited:\n            return\n        why",
        3,
        "QuietStatusTellsWhoWaits",
    ),
    Planted(
        "suspended-people-are-served",
        "controller.planning.base.desired",
        "return desired.on_suspended if state",
        "return desired.on_deactivated if state",
    ),
    # Targets.
    Planted(
        "any-account-of-that-name-is-ours",
        "controller.targets.provider_people",
        'if user.get("externalId") == action.subject:',
        "if True:",
    ),
    Planted(
        "everybody-is-active",
        "controller.targets.provider_people",
        '_is_true(user.get("active", True)),',
        "True,",
        3,
        "QuietStatusTellsWhoHasAnAccount",
    ),
    Planted(
        "a-404-is-proof",
        "controller.targets.provider_people",
        'Fault() if is_gone else Fault("the account is still listed")',
        "Fault()",
    ),
    Planted(
        "external-ids-are-not-read",
        "controller.targets.provider_people",
        'str(user.get("externalId") or ""),',
        '"",',
        1,
        "NothingWaitsWithoutReason",
    ),
    # Reconcile.
    Planted(
        "suspended-still-writes",
        "controller.reconcile.engine",
        "if not inputs.integration.spec.suspend:",
        "if True:",
    ),
    Planted(
        "the-intent-is-not-stored",
        "controller.reconcile.engine",
        "if self._keep is not None and intent != progress.memory:",
        "if False:",
    ),
    Planted(
        "needs-do-not-matter",
        "controller.reconcile.engine",
        "missing = sorted(progress.failed.intersection(action.needs))",
        "missing = list[str]()",
    ),
    Planted(
        "who-is-missing-is-not-asked-for",
        "controller.reconcile.reading",
        "absent = ids_to_look_up(desired, assignments, accounts, memory)",
        "absent = ()",
    ),
    Planted(
        "the-status-swaps-two-numbers",
        "controller.reconcile.seat_status",
        "waiting=len(seats.waiting),",
        "waiting=seats.available,",
        1,
        "QuietStatusTellsWhoWaits",
    ),
    Planted(
        "used-is-the-limit",
        "controller.reconcile.seat_status",
        "used=seats.used,",
        "used=seats.limit,",
        1,
        "QuietStatusTellsUsedSeats",
    ),
    # State.
    Planted(
        "the-window-is-forgotten",
        "controller.planning.state.after_run",
        "window=_window(own, run),",
        "window=(),",
    ),
    Planted(
        "pairs-are-not-kept",
        "controller.planning.state.after_run",
        "        pairs=pairs,\n        left=left,\n        claims=_claims",
        "        pairs={},\n        left=left,\n        claims=_claims",
        2,
        "ALeaverLosesTheAccount",
    ),
    Planted(
        "state-is-never-loaded",
        "controller.kube.state_store",
        "        if hashlib.sha256(blob).hexdigest() != head.digest:",
        "        if True:",
        2,
        "ALeaverLosesTheAccount",
    ),
    # Provider.
    Planted(
        "a-deactivated-person-keeps-the-seat",
        "controller.provider.seats",
        'return status == "active"',
        "return True",
        2,
        "QuietStatusTellsUsedSeats",
    ),
    Planted(
        "one-seat-too-few",
        "controller.provider.seats",
        "if not is_checked or org.seats_used < capacity(org):",
        "if not is_checked or org.seats_used + 1 < capacity(org):",
    ),
    Planted(
        "deactivation-is-ignored",
        "controller.provider.seats",
        "if not is_active:\n        return",
        "if is_active is None:\n        return",
        2,
        "QuietStatusTellsUsedSeats",
    ),
)


def planted(name: str) -> Planted:
    """The bug of that name. Raises StopIteration where there is none."""
    return next(one for one in PLANTED if one.name == name)


class _Loader(SourceFileLoader):
    """Reads a module's source with one line changed; never from a compiled file."""

    bug: Planted

    def get_code(self, fullname: str) -> Any:
        source = self.get_data(self.path).decode()
        found = source.count(self.bug.line)
        if found != 1:
            raise LookupError(f"{self.bug.name}: {self.bug.module} has the line {found} times, not once")
        return self.source_to_code(source.replace(self.bug.line, self.bug.instead).encode(), self.path)


class _Finder(MetaPathFinder):
    def __init__(self, bug: Planted) -> None:
        self._bug = bug

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != self._bug.module:
            return None
        spec = PathFinder.find_spec(fullname, path)
        assert spec is not None
        assert isinstance(spec.loader, SourceFileLoader)
        loader = _Loader(fullname, spec.loader.path)
        loader.bug = self._bug
        spec.loader = loader
        return spec


def plant(name: str) -> None:
    """From now on the module of that bug is imported with it."""
    bug = planted(name)
    assert bug.module not in sys.modules, f"{bug.module} is imported already"
    sys.meta_path.insert(0, _Finder(bug))
