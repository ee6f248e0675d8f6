"""What a report amounts to, computed once: what was written, failed, is held, still differs, waits. Pure.

Called by findings, status, events and the worker's metrics, so that all of them count alike.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from controller.model.actions import ORDER, TOOK_EFFECT, Action, ActionKind, Outcome, Result, Touch
from controller.model.plan import Counts, DriftItem, DriftKind, HoldReason, ManualStep, Move, Problem, Seats
from controller.planning.groups.memberships import GROUP_KINDS, keeps_memberships
from controller.planning.seats.admission import settle as settle_seats
from controller.reconcile.report import Report

HARMLESS = frozenset({"Protected", "AdoptedKept", "LooksAlike"})
"""Problems of people that say what was left alone on purpose: nobody failed."""
_FIRST_ABOUT_ACCOUNTS = ORDER[ActionKind.DEACTIVATE_ACCOUNT]
UNSETTLING = frozenset({DriftKind.SETTING, DriftKind.ASSIGNMENT})

Show = Callable[[str, str], str]
"""(Okta id, login) -> how the person appears in status, events and logs."""


def show_login(okta_id: str, login: str) -> str:
    """By login; by id where there is none."""
    return login or okta_id


def show_id(okta_id: str, login: str) -> str:
    """By Okta id only; what has no id is a thing, not a person."""
    return okta_id or login


@dataclass(frozen=True)
class Amount:
    """A report with a plan, counted. Not for reports that ended before there was one."""

    report: Report

    @property
    def is_pushed_by_okta(self) -> bool:
        """Whether Okta provisions, not the operator."""
        return self.report.desired is not None and self.report.desired.by == "Okta"

    @cached_property
    def done(self) -> tuple[Outcome, ...]:
        """What was written and read back."""
        return tuple(one for one in self.report.outcomes if one.result in TOOK_EFFECT)

    @cached_property
    def failed(self) -> tuple[Outcome, ...]:
        """What was refused or not confirmed, in this run or in the one that tried last."""
        tried = (*self.report.outcomes, *self.report.failing)
        return tuple(one for one in tried if one.result is Result.FAILED)

    @cached_property
    def kinds_failed(self) -> tuple[str, ...]:
        """In words, each kind of write of which none was done and some failed."""
        done = {_in_words(one) for one in self.done}
        kinds = {_in_words(one) for one in self.failed} - done
        return tuple(sorted(kinds)) if not done or kinds & _VITAL else ()

    @cached_property
    def leavers_kept(self) -> tuple[Outcome, ...]:
        """Deactivations of people who left that failed."""
        return tuple(one for one in self.failed if one.action.touch is Touch.LEAVER)

    @property
    def is_under_way(self) -> bool:
        """Whether the rest of the work can only be seen in the next run, which follows at once: this one has
        cleared the way for it, or people are to come by what was assigned."""
        plan = self.report.plan
        if plan is None or self.report.inputs.integration.spec.mode == "Observe":
            return False
        return (plan.goes_on or not plan.compares_people) and bool(self.done)

    @cached_property
    def held(self) -> Counter[HoldReason]:
        """How many actions are held, by reason."""
        verdict = self.report.verdict
        return Counter(reason for _, reason in verdict.held) if verdict else Counter()

    @cached_property
    def blocking(self) -> tuple[ManualStep, ...]:
        return tuple(step for step in self._steps if step.blocks)

    @property
    def _steps(self) -> tuple[ManualStep, ...]:
        return self.report.plan.steps if self.report.plan else ()

    @property
    def steps(self) -> tuple[ManualStep, ...]:
        """Manual steps, those that block first."""
        return (*self.blocking, *(step for step in self._steps if not step.blocks))

    @cached_property
    def people_at_fault(self) -> tuple[Problem, ...]:
        """Problems of single people that keep them from being up to date."""
        plan = self.report.plan
        problems = plan.problems if plan else ()
        return tuple(one for one in problems if one.okta_id and one.reason not in HARMLESS)

    def problems_of(self, kind: str, name: str) -> tuple[Problem, ...]:
        """Problems of one resource that are not about single people."""
        plan = self.report.plan
        problems = (*(plan.problems if plan else ()), *self.report.problems)
        return tuple(one for one in problems if not one.okta_id and (one.kind, one.name) == (kind, name))

    @cached_property
    def _settled(self) -> frozenset[str]:
        """People whose account was put right. An assignment in Okta puts no account right."""
        accounts = [
            one.action
            for one in self.done
            if ORDER[one.action.kind] >= _FIRST_ABOUT_ACCOUNTS and one.action.kind not in GROUP_KINDS
        ]
        return frozenset(person for action in accounts for person in (action.subject, *action.people))

    @cached_property
    def _placed(self) -> frozenset[str]:
        """People who were put into the group where they belong."""
        return frozenset(one.action.subject for one in self.done if one.action.kind in GROUP_KINDS)

    @cached_property
    def _settings_settled(self) -> bool:
        """Whether settings were written, all of them, with success."""
        settings = [one for one in self.report.outcomes if is_about_settings(one.action)]
        held = (
            any(is_about_settings(action) for action, _ in self.report.verdict.held)
            if self.report.verdict
            else False
        )
        return bool(settings) and not held and all(one.result in TOOK_EFFECT for one in settings)

    def _is_corrected(self, item: DriftItem) -> bool:
        if item.kind in UNSETTLING and not item.okta_id:
            return self._settings_settled
        desired = self.report.desired
        is_membership = item.kind is DriftKind.GROUP and desired is not None and keeps_memberships(desired)
        return bool(item.okta_id) and item.okta_id in (self._placed if is_membership else self._settled)

    @cached_property
    def corrected(self) -> tuple[DriftItem, ...]:
        """Edits made by hand that this run undid."""
        return tuple(item for item in self._drift if self._is_corrected(item))

    @cached_property
    def remaining(self) -> tuple[DriftItem, ...]:
        """What differs after this run."""
        return tuple(item for item in self._drift if not self._is_corrected(item))

    @cached_property
    def moves(self) -> tuple[Move, ...]:
        """Who would still be put into another group: the plan's moves as far as their actions are held."""
        plan, verdict = self.report.plan, self.report.verdict
        held = [action for action, _ in verdict.held] if verdict else []
        is_table = any(action.kind is ActionKind.SAVE_GROUP_TABLE for action in held)
        people = {action.subject for action in held}
        return tuple(one for one in (plan.preview.moves if plan else ()) if is_table or one.okta_id in people)

    @property
    def _drift(self) -> tuple[DriftItem, ...]:
        return self.report.plan.drift if self.report.plan else ()

    @cached_property
    def seats(self) -> Seats | None:
        """The seats after the run."""
        desired, plan = self.report.desired, self.report.plan
        if desired is None or plan is None:
            return None
        return settle_seats(desired.seats, plan.seats, self.report.outcomes)

    @cached_property
    def gained(self) -> int:
        """Accounts that became active by this run."""
        kinds = Counter(one.action.kind for one in self.done)
        return kinds[ActionKind.CREATE_ACCOUNT] + kinds[ActionKind.REACTIVATE_ACCOUNT]

    @cached_property
    def counts(self) -> Counts:
        """People after the run."""
        plan = self.report.plan
        before = plan.counts if plan else Counts()
        tried = (*self.report.outcomes, *self.report.failing)
        about_people = [one for one in tried if is_about_one(one.action)]
        # What is written when Okta provisions is an assignment: the account is still to come.
        written = 0 if self.is_pushed_by_okta else len(self._finished(about_people))
        failed = {one.action.subject for one in about_people if one.result is Result.FAILED}
        return Counts(
            assigned=before.assigned,
            provisioned=before.provisioned + self.gained,
            pending=max(0, before.pending - written),
            waiting=before.waiting,
            failed=len(failed | {problem.okta_id for problem in self.people_at_fault}),
        )

    def _finished(self, outcomes: Sequence[Outcome]) -> set[str]:
        """The people of `outcomes` for whom nothing of the plan is left to be done."""
        verdict = self.report.verdict
        left = {action.subject for action, _ in verdict.held} if verdict else set[str]()
        left |= {one.action.subject for one in outcomes if one.result not in TOOK_EFFECT}
        return {one.action.subject for one in outcomes} - left


_VITAL = frozenset({"creation", "deactivation"})


def _in_words(outcome: Outcome) -> str:
    kind = outcome.action.kind
    if kind in (ActionKind.CREATE_ACCOUNT, ActionKind.REACTIVATE_ACCOUNT):
        return "creation"
    return "deactivation" if kind is ActionKind.DEACTIVATE_ACCOUNT else "write"


def is_about_settings(action: Action) -> bool:
    """Whether an action changes a setting or an assignment rather than one person's account."""
    return action.touch is Touch.SETTING or bool(action.people)


def is_about_one(action: Action) -> bool:
    """Whether the subject of an action is one person."""
    return action.touch is not Touch.SETTING and not action.people
