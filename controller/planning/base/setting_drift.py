"""Settings that are declared: what has to be written, and what somebody changed by hand.

Called by app_settings and assignments, collected by make_plan. A setting is known by a fingerprint of all
that it should have. Once it was seen up to date, a later difference is drift; before that it is a
declaration that has not been carried out yet.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from controller.model.actions import Action
from controller.model.actual import Memory
from controller.model.people import Value
from controller.model.plan import DriftItem, DriftKind, ManualStep, Problem
from controller.planning.base.desired import Desired
from controller.planning.base.digest import step_digest


@dataclass(slots=True)
class Found:
    """What the planners of settings have found."""

    actions: list[Action] = field(default_factory=list)
    drift: list[DriftItem] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    steps: list[ManualStep] = field(default_factory=list)
    keys: dict[str, str] = field(default_factory=dict)
    settled: set[str] = field(default_factory=set)
    goes_on: bool = False
    """Another full run is to follow at once: what is planned now clears the way for the next step."""

    def step(self, step: ManualStep) -> None:
        """A step for a person, bound to its content by its digest."""
        digest = step_digest(step.step_id, step.title, step.where, step.instructions)
        self.steps.append(replace(step, digest=digest))

    def problem(self, desired: Desired, reason: str, message: str, path: str = "", okta_id: str = "") -> None:
        """A problem of the integration; `path` is the field, which begins the message where there is one."""
        told = f"{path}: {message}" if path else message
        self.problems.append(Problem("ScimIntegration", desired.name, reason, told, path, okta_id))


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting in Okta: `desired` is all of it, `action` what brings it about or None where it is so."""

    name: str
    desired: Sequence[Value]
    action: Action | None
    what: str
    expected: Value = None
    actual: Value = None
    kind: DriftKind = DriftKind.SETTING

    @property
    def fingerprint(self) -> str:
        return step_digest(self.name, *map(repr, self.desired))


def weigh(desired: Desired, memory: Memory, found: Found, setting: Setting) -> bool:
    """Adds the setting's action or notes that it is up to date; whether an action was added."""
    if setting.action is None:
        found.settled.add(setting.fingerprint)
        return False
    if is_edited(memory, setting):
        found.drift.append(DriftItem(setting.kind, "Okta", setting.what, setting.expected, setting.actual))
        if not desired.corrects_drift:
            found.settled.add(setting.fingerprint)  # so that it still counts as edited in the next run
            return False
    found.actions.append(setting.action)
    found.keys[setting.action.key] = setting.fingerprint
    return True


def is_edited(memory: Memory, setting: Setting) -> bool:
    """Whether the setting was up to date once and is not any more."""
    return setting.action is not None and setting.fingerprint in memory.settled
