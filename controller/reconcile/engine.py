"""One reconcile: desired -> observe -> plan -> apply -> report, for the operator and for scimctl alike.

Called with everything a run needs; where the wish comes from and where the report goes is the caller's. It
reads no clock but the injected one, knows no Kubernetes, and leaves nothing behind but the report: killed at
any point and run again, it begins from what the systems say. Never raises: what ends a run early is
`Report.error`.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import math
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import groupby
from typing import Any

from controller.clock import Clock
from controller.errors import ControllerError, RateLimited, RemoteError, Unauthorized, Unavailable, Waiting
from controller.metrics import Metrics
from controller.model.actions import Action, Outcome, Result
from controller.model.actual import AccountState, Actual, AssignmentState, Memory, ProviderState
from controller.model.people import EVERYTHING, Scope
from controller.model.plan import Frozen, Plan, Problem, Verdict
from controller.planning.base.desired import Desired
from controller.planning.base.inputs import Inputs, Resource, Rival
from controller.planning.desired.build import build_desired, check_actual
from controller.planning.desired.conflicts import check_observed_app
from controller.planning.groups.memberships import groups_to_read
from controller.planning.make_plan import Previous, make_plan
from controller.planning.people.deferred_changes import mark_due
from controller.planning.people.matching import ids_to_look_up
from controller.planning.policy.absences import people_to_prove
from controller.planning.policy.decision import Circumstances, judge
from controller.planning.seats.former_groups import seat_groups_of
from controller.planning.seats.inactive import kept_sign_ins
from controller.planning.state.after_run import Run, remember
from controller.planning.state.before_run import note_intent, recover
from controller.planning.teardown.plan import plan_departure
from controller.planning.tokens.rotation import lacks_token
from controller.reconcile.audit import STARTED, audit, audit_start
from controller.reconcile.exclusive import AppsInWork
from controller.reconcile.report import Report
from controller.settings import Settings
from controller.targets.base import Connector, Credentials, SecondLook, Target, Targets

LARGE = 500
"""More people than this are planned in a thread, so that probes and pokes are answered meanwhile."""
ENDS_THE_RUN = (Unauthorized, RateLimited, Unavailable, Waiting)
GOES_ON_SECONDS = 1.0
"""After a run that the deadline ended among its writes: the rest is known, and nothing is in its way."""
BEGINS_ANEW_SECONDS = 60.0
"""After one that has not even read all."""

Rivals = Callable[[Inputs], tuple[Rival, ...]]
"""The other integrations as they are known at the time of the call."""
Keep = Callable[[Resource[Any], Memory], Awaitable[None]]
"""Stores the memory of an integration before its run writes; where that fails nothing is written."""
logger = logging.getLogger(__name__)


@dataclass(slots=True)
class _Progress:
    """What a run has reached; the report is made of it whatever happens."""

    inputs: Inputs
    started: datetime
    scope: Scope
    memory: Memory
    credential: str = ""
    frozen: Frozen | None = None
    desired: Desired | None = None
    actual: Actual | None = None
    plan: Plan | None = None
    verdict: Verdict | None = None
    problems: tuple[Problem, ...] = ()
    began: datetime | None = None
    outcomes: list[Outcome] = field(default_factory=list)
    failed: set[str] = field(default_factory=set)
    """Keys of the actions that did not succeed."""
    ends_at: float = math.inf
    """The loop's time from which nothing more is begun."""

    def report(self, finished: datetime, error: Exception | None) -> Report:
        return Report(
            self.inputs,
            self.started,
            finished,
            self.scope,
            self.desired,
            self.actual,
            self.plan,
            self.verdict,
            tuple(self.outcomes),
            error,
            self.problems,
            self.memory,
        )


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
        self._apps = AppsInWork()
        self._rivals = rivals or (lambda inputs: inputs.rivals)

    async def run(
        self,
        inputs: Inputs,
        credentials: Credentials,
        memory: Memory,
        scope: Scope = EVERYTHING,
        *,
        frozen: Frozen | None = None,
        write: bool = True,
    ) -> Report:
        """The report of one run. `write=False` plans and judges only. `frozen` is the stored plan that waits.
        After the deadline of the settings no write is begun any more, and a reading is given up: the report
        has Waiting as its error, with what was done.
        For an integration that is being deleted the plan undoes what the operator did.
        An integration with spec.suspend makes no call and has a report without a plan."""
        progress = _Progress(inputs, self._clock.now(), scope, memory, frozen=frozen)
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

    async def _run(self, progress: _Progress, credentials: Credentials, *, write: bool) -> None:
        desired, progress.problems = build_desired(progress.inputs)
        progress.desired = replace(desired, seat_groups=seat_groups_of(progress.memory))
        progress.credential = okta_fingerprint(progress.inputs, credentials)
        targets = await self._connector.connect(progress.inputs, progress.desired, credentials)
        reading = observe(targets, progress.desired, progress.scope, progress.memory)
        progress.actual = await self._in_time(progress, reading)
        progress.memory = recover(progress.desired, progress.memory, progress.actual.accounts.accounts)
        check_actual(progress.desired, progress.actual)
        with self._apps.alone(progress.actual.app, _name(progress.inputs)) if write else nullcontext():
            check_observed_app(progress.inputs, self._rivals(progress.inputs), progress.actual.app)
            await self._plan(progress)
            if write and progress.verdict is not None and progress.verdict.run:
                await self._keep_intent(progress, progress.verdict)
                await self._apply(targets, progress, progress.verdict.run)

    async def _in_time(self, progress: _Progress, reading: Coroutine[Any, Any, Actual]) -> Actual:
        """What `reading` gives. Raises Waiting where that takes longer than the run may."""
        try:
            async with asyncio.timeout_at(progress.ends_at) as timer:
                return await reading
        except TimeoutError:
            if not timer.expired():
                raise
            raise _time_is_up("reading Okta and the provider", BEGINS_ANEW_SECONDS) from None

    async def _keep_intent(self, progress: _Progress, verdict: Verdict) -> None:
        """Stores what the run is about to do, where a restart could not see it from what it has done."""
        assert progress.desired is not None
        assert progress.actual is not None
        assert progress.plan is not None
        now = progress.began = self._clock.now()
        intent = note_intent(progress.memory, progress.desired, progress.actual, progress.plan, verdict, now)
        if self._keep is not None and intent != progress.memory:
            await self._keep(progress.inputs.integration, intent)

    async def _plan(self, progress: _Progress) -> None:
        assert progress.actual is not None
        if len(progress.actual.assignments.people) + len(progress.actual.accounts.accounts) > LARGE:
            await asyncio.to_thread(self._decide, progress)
        else:
            self._decide(progress)

    def _decide(self, progress: _Progress) -> None:
        desired, actual = progress.desired, progress.actual
        assert desired is not None
        assert actual is not None
        at = Circumstances(self._clock.now(), progress.credential, progress.frozen)
        progress.memory = mark_due(progress.memory, desired, at.now)
        if progress.inputs.integration.is_deleting:
            progress.plan = plan_departure(desired, actual, progress.memory)
        else:
            progress.plan = make_plan(desired, actual, progress.memory, previous_of(progress.inputs))
        progress.verdict = judge(progress.plan, desired, actual, progress.memory, at)

    async def _apply(self, targets: Targets, progress: _Progress, actions: Sequence[Action]) -> None:
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

    async def _apply_group(self, target: Target[object], progress: _Progress, group: list[Action]) -> None:
        assert progress.desired is not None
        ready = []
        for action in group:
            missing = sorted(progress.failed.intersection(action.needs))
            if missing:
                told = f"needs {missing[0]}, which did not succeed"
                self._note(progress, Outcome(action, Result.SKIPPED, "DependencyFailed", told))
            else:
                ready.append(action)
        if ready:
            await target.apply(
                progress.desired,
                ready,
                lambda outcome: self._note(progress, outcome),
                lambda action: self._note_begun(progress, action),
            )

    def _note_begun(self, progress: _Progress, action: Action) -> None:
        """Before the write is sent: a process that is killed after it can tell nobody any more."""
        if asyncio.get_running_loop().time() >= progress.ends_at:
            raise _time_is_up("writing", GOES_ON_SECONDS)
        self._metrics.actions_total.labels(action.kind.value, STARTED).inc()
        audit_start(progress.inputs, action, self._settings.people_in_status, progress.verdict)

    def _note(self, progress: _Progress, outcome: Outcome) -> None:
        progress.outcomes.append(outcome)
        if outcome.result in (Result.FAILED, Result.SKIPPED):
            progress.failed.add(outcome.action.key)
        self._metrics.actions_total.labels(outcome.action.kind.value, outcome.result.value).inc()
        if outcome.result is not Result.SKIPPED:
            audit(progress.inputs, outcome, self._settings.people_in_status, progress.verdict)

    def _closed(self, progress: _Progress, error: Exception | None) -> Report:
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
        return progress.report(now, error)


def _time_is_up(doing: str, delay_seconds: float) -> Waiting:
    return Waiting(
        f"{doing} takes longer than one run may (SCIM_OPERATOR_RUN_DEADLINE_SECONDS); the next run goes on",
        delay_seconds=delay_seconds,
        reason="RunDeadline",
    )


async def observe(targets: Targets, desired: Desired, scope: Scope, memory: Memory) -> Actual:
    """Everything, read from the four targets: Okta's people and the provider at the same time once the app is
    known; then the people of ours who are no longer listed, and who is in which group. Complete, or
    raises."""
    app = await targets.okta_app.observe(desired, scope)
    settings = asyncio.ensure_future(targets.provider_settings.observe(desired, scope))
    reads = (
        asyncio.ensure_future(targets.okta_people.observe(desired, scope)),
        settings,
        asyncio.ensure_future(_accounts(targets, desired, scope, settings)),
    )
    try:
        assignments, provider, accounts = await asyncio.gather(*reads)
    finally:
        for read in reads:
            read.cancel()
        await asyncio.gather(*reads, return_exceptions=True)
    memory = recover(desired, memory, accounts.accounts)
    assignments = await _missing(targets, desired, scope, assignments, accounts, memory)
    # Where the accounts could not be listed for a reason that planning mends first, groups cannot either.
    is_off = _cannot_list(desired, provider)
    names = (
        frozenset[str]() if is_off else groups_to_read(desired, assignments.people, app.user_types, memory)
    )
    if names:
        groups = await targets.provider_people.observe_groups(desired, names, scope)
        accounts = replace(accounts, groups=groups)
    return Actual(app, assignments, provider, accounts)


async def _missing(
    targets: Targets,
    desired: Desired,
    scope: Scope,
    assignments: AssignmentState,
    accounts: AccountState,
    memory: Memory,
) -> AssignmentState:
    """`assignments` with the people of ours who are not assigned any more, each by two reads."""
    absent = ids_to_look_up(desired, assignments, accounts, memory) if scope.is_full else ()
    if absent:
        missing = await targets.okta_people.observe_missing(desired, absent)
        assignments = replace(assignments, missing={**assignments.missing, **missing})
    doubted = people_to_prove(desired, assignments, accounts, memory)
    if not doubted:
        return assignments
    if scope.is_full:
        return with_second_look(assignments, await targets.okta_people.look_again(desired, doubted, scope))
    # Whom a small run does not find at all is left to a complete one: a narrow role gets the same answer.
    known = [okta_id for okta_id in doubted if assignments.missing[okta_id] is not None]
    look = await targets.okta_people.look_again(desired, known, scope)
    unproven = look.unproven | frozenset(doubted).difference(known)
    return with_second_look(assignments, look._replace(unproven=unproven))


def with_second_look(assignments: AssignmentState, look: SecondLook) -> AssignmentState:
    """`assignments` as a second read of another kind leaves them. A run for some people takes those without a
    proof out of the missing; after a complete read they stay, for guard to hold their removal."""
    dropped = look.unproven if assignments.is_scoped else frozenset()
    kept = {okta_id: state for okta_id, state in assignments.missing.items() if okta_id not in dropped}
    return replace(assignments, missing=kept, left_out=len(look.assigned), unproven=look.unproven)


def _cannot_list(desired: Desired, provider: ProviderState) -> bool:
    """Whether SCIM is off at the provider or our token is dead."""
    is_off = provider.organization is not None and not provider.organization.scim_enabled
    return is_off or lacks_token(desired, provider)


async def _accounts(
    targets: Targets, desired: Desired, scope: Scope, settings: asyncio.Future[ProviderState]
) -> AccountState:
    """The accounts; none where SCIM is off at the provider or our token is dead: planning mends that first
    and then asks for a full run. Any other failure to list them is raised."""
    try:
        return await targets.provider_people.observe(desired, scope)
    except RemoteError:
        if not _cannot_list(desired, await asyncio.shield(settings)):
            raise
        return AccountState((), is_scoped=not scope.is_full)


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


def previous_of(inputs: Inputs) -> Previous:
    """What the status of the integration says about the last run."""
    people = inputs.integration.status.get("people")
    counts = people if isinstance(people, dict) else {}
    return Previous(*(_whole(counts.get(name)) for name in ("waiting", "pending")))


def _whole(value: object) -> int:
    return value if isinstance(value, int) else 0


def okta_fingerprint(inputs: Inputs, credentials: Credentials) -> str:
    """Tells whether the Okta credential is still the same; says nothing about its value."""
    if inputs.org is None:
        return ""
    name = inputs.org.spec.auth.secret_ref.name
    keyed = hashlib.blake2b(digest_size=8, key=inputs.org.uid.encode()[:64])
    for place in sorted(credentials):
        if place[:2] == (inputs.org.namespace, name):
            keyed.update(b"\0".join((place[2].encode(), credentials[place].get_secret_value().encode(), b"")))
    return keyed.hexdigest()


def _name(inputs: Inputs) -> str:
    return f"{inputs.integration.namespace}/{inputs.integration.name}"
