"""One reconcile: desired -> observe -> plan -> apply -> report, for the operator and for scimctl alike.

Called with everything a run needs; where the specs come from and where the report goes is the caller's. It
reads no clock but the injected one, knows no Kubernetes, and leaves nothing behind but the report: killed at
any point and run again, it begins from what the systems say. Never raises: what ends a run early is
`Report.error`.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from contextlib import nullcontext
from dataclasses import replace
from itertools import groupby
from typing import Any, TypeVar

from controller.clock import Clock
from controller.errors import ControllerError, RateLimited, Unauthorized, Unavailable, Waiting
from controller.metrics import Metrics
from controller.model.actions import Action, Outcome, Result
from controller.model.actual import Actual, Memory
from controller.model.people import EVERYTHING, OktaId, Refresh
from controller.model.plan import Frozen, Verdict
from controller.planning.base.desired import Desired
from controller.planning.base.inputs import Inputs, Resource, Rival
from controller.planning.desired.build import build_desired, check_actual
from controller.planning.desired.conflicts import check_observed_app
from controller.planning.make_plan import make_plan, plan_leavers
from controller.planning.people.deferred_changes import mark_due
from controller.planning.policy.change_limits import touched_now
from controller.planning.policy.decision import Circumstances, judge
from controller.planning.policy.freshness import (
    people_to_refresh,
    without_failures,
    without_old_readings,
)
from controller.planning.seats.former_groups import seat_groups_of
from controller.planning.seats.inactive import kept_sign_ins
from controller.planning.state.after_run import Run, remember
from controller.planning.state.before_run import note_intent, recover
from controller.planning.teardown.plan import plan_departure
from controller.reconcile.audit import STARTED, audit, audit_start
from controller.reconcile.exclusive import AppsInWork
from controller.reconcile.pictures import Picture, Pictures, Place
from controller.reconcile.progress import NEEDS_OTHER, Progress, known_after, outdated, refusals
from controller.reconcile.reading import read_everything, read_leavers, read_people
from controller.reconcile.report import Report
from controller.reconcile.schedule import SINGLY
from controller.settings import Settings
from controller.targets.base import Connector, Credentials, Target, Targets

LARGE = 500
"""More people than this are planned in a thread, so that probes and events are answered meanwhile."""
ENDS_THE_RUN = (Unauthorized, RateLimited, Unavailable, Waiting)
REFRESHES = 2
"""How often a plan that touches people who were not read is made again."""
SEAT_ROUNDS = 10
"""How often in one run the seats of people whom the provider refuses are given to the next."""
GOES_ON_SECONDS = 1.0
"""After a run that the deadline ended among its writes: the rest is known, and nothing is in its way."""
BEGINS_ANEW_SECONDS = 60.0
"""After one that has not even read all."""

Rivals = Callable[[Inputs], tuple[Rival, ...]]
"""The other integrations as they are known at the time of the call."""
Read = TypeVar("Read")
Keep = Callable[[Resource[Any], Memory], Awaitable[None]]
"""Stores the memory of an integration before its run writes; where that fails nothing is written."""
logger = logging.getLogger(__name__)


class Engine:
    """Reconciles one integration at a time; callers see to it that no tenant is worked on twice at once."""

    def __init__(
        self,
        connector: Connector,
        clock: Clock,
        settings: Settings,
        metrics: Metrics,
        keep: Keep | None = None,
        rivals: Rivals | None = None,
    ) -> None:
        self._connector, self._clock, self._keep = connector, clock, keep
        self._settings, self._metrics = settings, metrics
        self._pictures = Pictures(settings.picture_people)
        self._apps = AppsInWork()
        self._rivals = rivals or (lambda inputs: inputs.rivals)

    async def run(
        self,
        inputs: Inputs,
        credentials: Credentials,
        memory: Memory,
        refresh: Refresh = EVERYTHING,
        *,
        frozen: Frozen | None = None,
        write: bool = True,
    ) -> Report:
        """The report of one run. It reads everything or, into the picture that is kept of the tenant, what
        `refresh` names, and plans over everybody in either case. `write=False` plans and judges only;
        `frozen` is the stored plan that waits.
        After the deadline of the settings no write is begun any more, and a reading is given up: the report
        has Waiting as its error, with what was done.
        For an integration that is being deleted the plan undoes what the operator did.
        An integration with spec.suspend makes no call and has a report without a plan."""
        progress = Progress(inputs, self._clock.now(), refresh, memory, frozen=frozen)
        progress.is_complete = refresh.is_complete
        progress.ends_at = asyncio.get_running_loop().time() + self._settings.run_deadline_seconds
        error: Exception | None = None
        try:
            if not inputs.integration.spec.suspend:
                await self._run(progress, credentials, write=write)
        except ControllerError as caught:
            error = caught
        except asyncio.CancelledError:
            # The process stops. What was done has to be remembered, so the report is made all the same.
            error = Unavailable("the operator is stopping", system="Kubernetes", reason="Stopping")
        except Exception as caught:
            self._metrics.unexpected_errors_total.inc()
            logger.exception("unexpected error", extra={"facts": {"resource": _name(inputs)}})
            error = caught
        return self._closed(progress, error)

    async def _run(self, progress: Progress, credentials: Credentials, *, write: bool) -> None:
        desired, progress.problems = build_desired(progress.inputs)
        progress.desired = replace(desired, seat_groups=seat_groups_of(progress.memory))
        progress.credential = okta_fingerprint(progress.inputs, credentials)
        progress.basis = basis_of(progress.inputs, progress.desired, credentials)
        progress.picture = self._pictures.find(_place(progress.inputs), progress.basis)
        targets = await self._connector.connect(progress.inputs, progress.desired, credentials)
        progress.targets = targets
        await self._deactivate_leavers(targets, progress, write=write)
        progress.actual = await self._in_time(progress, _read(targets, progress))
        progress.memory = recover(progress.desired, progress.memory, progress.actual.accounts.accounts)
        check_actual(progress.desired, progress.actual)
        with self._apps.alone(progress.actual.app, _name(progress.inputs)) if write else nullcontext():
            check_observed_app(progress.inputs, self._rivals(progress.inputs), progress.actual.app)
            await self._plan_and_apply(targets, progress, write=write)

    async def _deactivate_leavers(self, targets: Targets, progress: Progress, *, write: bool) -> None:
        """Somebody who left does not wait until everybody has been read: two fresh reads are enough, the user
        is deactivated in Okta, and the account is there by its known id. Only their own safeguard holds them;
        what the run sees of everybody comes after."""
        desired, people = progress.desired, progress.refresh.people
        assert desired is not None
        if not write or progress.picture is not None or not people or desired.by == "Okta":
            return
        memory = progress.memory
        actual = await self._in_time(progress, read_leavers(targets, desired, memory, people))
        if actual is None:
            return
        with self._apps.alone(actual.app, _name(progress.inputs)):
            check_observed_app(progress.inputs, self._rivals(progress.inputs), actual.app)
            plan = plan_leavers(desired, actual, memory)
            at = Circumstances(self._clock.now(), progress.credential, progress.frozen)
            verdict = without_old_readings(judge(plan, desired, actual, memory, at), actual)
            if verdict.run:
                progress.began = at.now
                counted = touched_now(
                    memory.window, [(OktaId(one.subject), one.touch) for one in verdict.run], at.now
                )
                progress.memory = replace(memory, window=counted)
                if self._keep is not None:
                    await self._keep(progress.inputs.integration, progress.memory)
                await self._apply(targets, progress, verdict.run)

    async def _plan_and_apply(self, targets: Targets, progress: Progress, *, write: bool) -> None:
        """Plans and applies; once more for those who get the seat of somebody whom the provider refuses."""
        progress.refused = progress.refused_before()
        for _ in range(SEAT_ROUNDS):
            await self._plan_on_fresh_readings(targets, progress)
            verdict, tried = progress.verdict, {outcome.action.key for outcome in progress.outcomes}
            assert verdict is not None
            actions = [action for action in verdict.run if action.key not in tried]
            if not write or not actions:
                break
            await self._keep_intent(progress, verdict)
            await self._apply(targets, progress, actions)
            refused = progress.refused | {OktaId(one.action.subject) for one in refusals(progress.outcomes)}
            if refused == progress.refused:
                break
            progress.refused = refused

    async def _plan_on_fresh_readings(self, targets: Targets, progress: Progress) -> None:
        """Plans over the whole picture, and again once those have been read whom the plan would touch. What
        still rests on an earlier reading then waits for a complete one."""
        for _ in range(REFRESHES):
            await self._plan(progress)
            found = await self._in_time(progress, _read_touched(targets, progress))
            if found is None:
                break
            progress.actual = found
        else:
            await self._plan(progress)
        if progress.verdict is not None and progress.actual is not None:
            progress.verdict = without_old_readings(progress.verdict, progress.actual)

    async def _in_time(self, progress: Progress, reading: Coroutine[Any, Any, Read]) -> Read:
        """What `reading` gives. Raises Waiting where that takes longer than the run may."""
        try:
            async with asyncio.timeout_at(progress.ends_at) as timer:
                return await reading
        except TimeoutError:
            if not timer.expired():
                raise
            raise _time_is_up("reading Okta and the provider", BEGINS_ANEW_SECONDS) from None

    async def _keep_intent(self, progress: Progress, verdict: Verdict) -> None:
        """Stores what the run is about to do, where a restart could not see it from what it has done."""
        assert progress.desired is not None
        assert progress.actual is not None
        assert progress.plan is not None
        progress.began = now = progress.began or self._clock.now()
        intent = note_intent(progress.memory, progress.desired, progress.actual, progress.plan, verdict, now)
        if self._keep is not None and intent != progress.memory:
            await self._keep(progress.inputs.integration, intent)

    async def _plan(self, progress: Progress) -> None:
        assert progress.actual is not None
        if len(progress.actual.assignments.people) + len(progress.actual.accounts.accounts) > LARGE:
            await asyncio.to_thread(self._decide, progress)
        else:
            self._decide(progress)

    def _decide(self, progress: Progress) -> None:
        desired, actual = progress.desired, progress.actual
        assert desired is not None
        assert actual is not None
        at = Circumstances(self._clock.now(), progress.credential, progress.frozen)
        progress.memory = mark_due(progress.memory, desired, at.now)
        if progress.inputs.integration.is_deleting:
            progress.plan = plan_departure(desired, actual, progress.memory)
        else:
            progress.plan = make_plan(desired, actual, progress.memory, progress.refused)
        verdict = judge(progress.plan, desired, actual, progress.memory, at)
        failures = progress.picture.failures if progress.picture and not progress.is_complete else {}
        asked = progress.refresh.people or frozenset()
        progress.verdict, progress.failing = without_failures(verdict, failures, asked, progress.refused)
        progress.failed |= {outcome.action.key for outcome in progress.failing}

    async def _apply(self, targets: Targets, progress: Progress, actions: Sequence[Action]) -> None:
        """Runs `actions` in order, target by target; what cannot be tried any more is reported as skipped."""
        waiting = list(actions)
        try:
            for target, group in by_target(targets, actions):
                await self._apply_group(target, progress, group)
                waiting = waiting[len(group) :]
        except ENDS_THE_RUN as error:
            known = {outcome.action.key for outcome in progress.outcomes}
            for action in waiting:
                if action.key not in known:
                    self._note(progress, Outcome(action, Result.SKIPPED, error.reason, error.message))
            raise

    async def _apply_group(self, target: Target[object], progress: Progress, group: list[Action]) -> None:
        assert progress.desired is not None
        ready = []
        for action in group:
            missing = sorted(progress.failed.intersection(action.needs))
            if missing:
                told = f"needs {missing[0]}, which did not succeed"
                self._note(progress, Outcome(action, Result.SKIPPED, NEEDS_OTHER, told))
            else:
                ready.append(action)
        if ready:
            await target.apply(
                progress.desired,
                ready,
                lambda outcome: self._note(progress, outcome),
                lambda action: self._note_begun(progress, action),
            )

    def _note_begun(self, progress: Progress, action: Action) -> None:
        """Before the write is sent: a process that is killed after it can tell nobody any more."""
        if asyncio.get_running_loop().time() >= progress.ends_at:
            raise _time_is_up("writing", GOES_ON_SECONDS)
        self._metrics.actions_total.labels(action.kind.value, STARTED).inc()
        audit_start(progress.inputs, action, self._settings.people_in_status, progress.verdict)

    def _note(self, progress: Progress, outcome: Outcome) -> None:
        progress.outcomes.append(outcome)
        if outcome.result in (Result.FAILED, Result.SKIPPED):
            progress.failed.add(outcome.action.key)
        self._metrics.actions_total.labels(outcome.action.kind.value, outcome.result.value).inc()
        if outcome.result is not Result.SKIPPED:
            audit(progress.inputs, outcome, self._settings.people_in_status, progress.verdict)

    def _closed(self, progress: Progress, error: Exception | None) -> Report:
        """The report, with what has to be remembered of the run even where it ended early."""
        now = self._clock.now()
        if progress.desired and progress.actual and progress.plan and progress.verdict:
            run = Run(
                progress.desired,
                progress.actual,
                progress.plan,
                progress.verdict,
                tuple(progress.outcomes),
                now,
                progress.credential,
                progress.began,
            )
            try:
                noted = remember(progress.memory, run)
                kept = kept_sign_ins(progress.desired, progress.actual, noted)
                progress.memory = replace(noted, sign_ins=kept)
            except Exception as caught:
                self._metrics.unexpected_errors_total.inc()
                logger.exception("unexpected error", extra={"facts": {"resource": _name(progress.inputs)}})
                error = error or caught
        report = progress.report(now, error)
        self._keep_picture(progress, error)
        return report

    def _keep_picture(self, progress: Progress, error: Exception | None) -> None:
        """What the next run that reads a few people goes on from; nothing where that cannot be known."""
        place, picture, known = _place(progress.inputs), progress.picture, None
        desired, actual, plan = progress.desired, progress.actual, progress.plan
        is_bug = error is not None and not isinstance(error, ControllerError)
        if desired is None or actual is None or plan is None:
            if picture is not None and progress.is_complete and isinstance(error, ControllerError):
                picture.trouble = error
            if not is_bug:
                return
        elif not is_bug and plan.compares_people and not desired.is_departing:
            known = known_after(progress, desired, actual)
        if known is None:
            self._pictures.forget(place)
            return
        trouble = picture.trouble if picture is not None and not progress.is_complete else None
        known = replace(known, fresh=frozenset())
        read_again = outdated(progress)
        self._pictures.keep(place, Picture(progress.basis, known, progress.failures(), read_again, trouble))


def _time_is_up(doing: str, delay_seconds: float) -> Waiting:
    return Waiting(
        f"{doing} takes longer than one run may (SCIM_OPERATOR_RUN_DEADLINE_SECONDS); the next run goes on",
        delay_seconds=delay_seconds,
        reason="RunDeadline",
    )


async def _read(targets: Targets, progress: Progress) -> Actual:
    """What the run begins with: the picture with the people in it who were asked for, or everything."""
    desired, picture, people = progress.desired, progress.picture, progress.refresh.people
    assert desired is not None
    if people is not None and picture is not None:
        known = picture.actual
        found = await read_people(targets, desired, progress.memory, known, people, picture.outdated)
        if found is not None:
            return found
    progress.is_complete = True
    return await read_everything(targets, desired, progress.memory)


async def _read_touched(targets: Targets, progress: Progress) -> Actual | None:
    """With those read anew whom the verdict touches unread; None if there is nobody, or too many."""
    desired, actual, verdict = progress.desired, progress.actual, progress.verdict
    if desired is None or actual is None or actual.fresh is None or verdict is None:
        return None
    unread = people_to_refresh(verdict, actual)
    if not unread or len(unread | actual.fresh) > SINGLY:
        return None
    return await read_people(targets, desired, progress.memory, actual, unread)


def basis_of(inputs: Inputs, desired: Desired, credentials: Credentials) -> object:
    """All that decides what a reading would contain: a picture that was read with something else is no
    picture of this tenant."""
    org, group = inputs.org, desired.group
    return (
        (desired.base_url, desired.profile, desired.generation, desired.is_departing),
        (org.uid, org.generation) if org is not None else None,
        (desired.by, desired.app_id, desired.app_label, desired.reads, desired.assignments, desired.seats),
        (group.via, dict(group.table)) if group is not None else None,
        _fingerprint(inputs.integration.uid, credentials),
    )


def by_target(targets: Targets, actions: Iterable[Action]) -> list[tuple[Target[object], list[Action]]]:
    """`actions` in their order, in stretches that one target carries out."""
    everyone: tuple[Target[object], ...] = (
        targets.provider_settings,
        targets.okta_app,
        targets.okta_people,
        targets.provider_people,
    )
    owner = {kind: target for target in everyone for kind in target.handles}
    return [
        (target, list(group)) for target, group in groupby(actions, key=lambda action: owner[action.kind])
    ]


def okta_fingerprint(inputs: Inputs, credentials: Credentials) -> str:
    """Tells whether the Okta credential is still the same; says nothing about its value."""
    if inputs.org is None:
        return ""
    own = (inputs.org.namespace, inputs.org.spec.auth.secret_ref.name)
    return _fingerprint(inputs.org.uid, {k: one for k, one in credentials.items() if k[:2] == own})


def _fingerprint(key: str, credentials: Credentials) -> str:
    keyed = hashlib.blake2b(digest_size=8, key=key.encode()[:64])
    for place in sorted(credentials):
        keyed.update(b"\0".join((place[2].encode(), credentials[place].get_secret_value().encode(), b"")))
    return keyed.hexdigest()


def _place(inputs: Inputs) -> Place:
    return inputs.integration.namespace, inputs.integration.name


def _name(inputs: Inputs) -> str:
    return f"{inputs.integration.namespace}/{inputs.integration.name}"
