"""A plan as data: actions, drift, seats, steps, problems; and the verdict of the guard on it.

Made by planning, carried out by reconcile, rendered by planning.output.render and by status.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Literal

from controller.model.actions import Action, Touch
from controller.model.people import OktaId, Value


class DriftKind(StrEnum):
    """What differs. The metric scim_operator_drift has one series for each."""

    MISSING = "Missing"
    """A person who should have an account has none, and had one before."""
    EXTRA = "Extra"
    """An account of ours for a person who should have none."""
    ATTRIBUTE = "Attribute"
    ACTIVE = "Active"
    """Deactivated or reactivated by hand."""
    GROUP = "Group"
    ASSIGNMENT = "Assignment"
    SETTING = "Setting"


@dataclass(frozen=True, slots=True)
class DriftItem:
    """One difference; `where` is the side that has it."""

    kind: DriftKind
    where: Literal["Okta", "Provider"]
    what: str
    expected: Value
    actual: Value
    okta_id: str = ""


class SeatState(StrEnum):
    """Reason of the condition WithinCapacity."""

    WITHIN_LIMIT = "WithinLimit"
    NEAR_LIMIT = "NearLimit"
    AT_CAPACITY = "AtCapacity"
    OVER_CAPACITY = "OverCapacity"


@dataclass(frozen=True, slots=True)
class Seats:
    """The seats as they are after the plan; counts of people."""

    limit: int
    used: int
    """Active and pending accounts now, as the provider counts them."""
    pending: int | None
    """Invited and not yet accepted, contained in `used`; None where the provider does not tell."""
    reserved: int
    available: int
    """Seats that the plan may still fill: limit - reserved - used, not below 0."""
    waiting: tuple[tuple[OktaId, str], ...]
    """Who waits, in the order of admission: (Okta id, login)."""
    state: SeatState
    percent_used: int
    admitted: int = 0


@dataclass(frozen=True, slots=True)
class ManualStep:
    """Something that no API does. `digest` binds an acknowledgement to this very content."""

    step_id: str
    title: str
    where: str
    instructions: str
    verified_by: Literal["Read", "Log", "Acknowledgement"]
    blocks: bool
    digest: str = ""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong that leaves the rest of the plan standing.

    `kind` and `name` are the resource concerned; `reason` CamelCase; `message` names the field and the fix.
    """

    kind: str
    name: str
    reason: str
    message: str
    field: str = ""
    okta_id: str = ""


@dataclass(frozen=True, slots=True)
class Counts:
    """People of an integration."""

    assigned: int = 0
    provisioned: int = 0
    pending: int = 0
    """An action of this plan concerns them."""
    waiting: int = 0
    failed: int = 0


@dataclass(frozen=True, slots=True)
class Move:
    """One person with an account whom the plan would put into another group. `before` is None where it is not
    known, "" for no group; so is `after`."""

    okta_id: OktaId
    login: str
    before: str | None
    after: str


@dataclass(frozen=True, slots=True)
class MappingPreview:
    """What the value -> group table does to people, of one GroupMapping or of the whole integration."""

    people_by_value: Mapping[str, int] = field(default_factory=dict)
    unmatched: Mapping[str, int] = field(default_factory=dict)
    """Values that people have and no row claims -> how many people."""
    unused: tuple[str, ...] = ()
    """Values of rows that nobody has."""
    without_value: int = 0
    suggestions: Mapping[str, str] = field(default_factory=dict)
    """Unmatched value -> the claimed value that differs in case or spacing only."""
    moves: tuple[Move, ...] = ()
    """The people with an account whom this plan would put into another group, by name."""


@dataclass(frozen=True, slots=True)
class WaitingChange:
    """One change that the provider has accepted and that waits for somebody to confirm it."""

    okta_id: str
    login: str
    path: str
    value: str
    since: str
    """When it was sent, RFC 3339; "" if that is not known."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The ordered actions and everything a reader wants to know about them."""

    actions: tuple[Action, ...]
    digest: str
    """sha256 over the canonical actions, 64 hex digits; "" for no action."""
    drift: tuple[DriftItem, ...] = ()
    seats: Seats | None = None
    steps: tuple[ManualStep, ...] = ()
    problems: tuple[Problem, ...] = ()
    counts: Counts = Counts()
    preview: MappingPreview = MappingPreview()
    compares_people: bool = True
    """False where accounts could not be listed, so that nobody was looked at and nobody may be forgotten."""
    settings: Mapping[str, str] = field(default_factory=dict)
    """Key of an action on a setting -> fingerprint of the whole setting as it should be."""
    settled: frozenset[str] = frozenset()
    """Fingerprints of the settings that are up to date, or were until somebody edited what is only reported:
    if one of them differs later, a hand did it."""
    goes_on: bool = False
    """What this plan changes has to be done before the rest can be planned: another run follows at once."""
    unconfirmed: tuple[WaitingChange, ...] = ()
    """Changes of earlier runs that wait for somebody to confirm them, the longest first."""
    placed: Mapping[OktaId, str] | None = None
    """Memory.placed as it is without the actions of this plan; None where memberships were not looked at."""


@dataclass(frozen=True, slots=True)
class Frozen:
    """A plan that waits for a yes, as it was when it was first shown; stored whole."""

    digest: str
    generation: int
    created: datetime
    actions: tuple[Action, ...]


class HoldReason(StrEnum):
    """Why an action is not carried out in this run."""

    OBSERVING = "Observing"
    AWAITING_APPROVAL = "AwaitingApproval"
    SAFETY_THRESHOLD_EXCEEDED = "SafetyThresholdExceeded"
    READ_INCOMPLETE = "ReadIncomplete"
    OUTSIDE_WINDOW = "OutsideWindow"
    AWAITING_READ = "AwaitingRead"
    """It rests on what an earlier run has read: a complete read follows at once."""
    BLOCKED_BY_STEP = "BlockedByStep"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the guard lets run now, and what it holds with the reason."""

    run: tuple[Action, ...]
    held: tuple[tuple[Action, HoldReason], ...] = ()
    reason: HoldReason | None = None
    """The weightiest reason among the held ones."""
    message: str = ""
    digest: str = ""
    """What an approval has to name; "" where nothing waits for one."""
    opens_at: datetime | None = None
    """When a closed window opens, where that is why."""
    memory_approved: str = ""
    """The approval in force after this verdict."""
    approved_keys: frozenset[str] = frozenset()
    """Fingerprints of the actions that it still covers."""
    frozen: Frozen | None = None
    """The plan that waits, to be stored; None where nothing waits for an approval."""
    newer: int = 0
    """Held actions that are newer than the frozen plan."""
    handled_approval: str = ""
    """The value of the annotation that this verdict has used up; to be echoed in status."""
    is_approval_ignored: bool = False
    """That value matches nothing: one event."""
    is_first: bool = False
    """Held as the first plan of this tenant."""
    wants_second_read: bool = False
    """Removals are held until a second complete read agrees with this one."""
    tripped: tuple[Touch, ...] = ()
    """The classes that exceed their safeguard."""
