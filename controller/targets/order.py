"""Carries out a target's actions: kinds in order, one kind with bounded concurrency, each confirmed.

Used by every target, which brings an Executor that writes one action and confirms it. What concerns one
action ends in its outcome; what makes all further actions senseless ends the run, the rest reported as
skipped.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Any, Protocol, runtime_checkable

from controller.errors import ControllerError, RateLimited, RemoteError, Unauthorized, Unavailable
from controller.model.actions import Action, ActionKind, Outcome, Result
from controller.targets.base import Begun, Done, unobserved
from controller.transport.failures import Unreachable
from controller.transport.trail import trail

ONE_BY_ONE = 20
"""Up to this many writes of one kind are confirmed by a GET each, more by one listing after the batch."""
PATIENCE = 5
"""Consecutive actions that may fail as Unavailable before the other side counts as down."""


@dataclass(frozen=True, slots=True)
class Written:
    """A write that was answered with a success: not believed yet."""

    remote_id: str = ""
    request_id: str = ""
    """Of every write that the action took, joined by commas; filled in by `carry_out`."""
    body: Any = None
    """The answer's body where it tells what is there now."""


class Executor(Protocol):
    """What a target does for each action."""

    def concurrency(self, kind: ActionKind) -> int:
        """How many actions of `kind` may be under way."""
        ...

    def confirms_singly(self, kind: ActionKind, count: int) -> bool:
        """Whether `count` writes of `kind` are confirmed one by one, each right after its write."""
        ...

    async def write(self, action: Action) -> Written:
        """Does it. Raises RemoteError; writing twice is as good as once."""
        ...

    async def confirm(self, action: Action, written: Written) -> Outcome:
        """Reads back one action."""
        ...

    async def confirm_all(self, kind: ActionKind, written: Sequence[tuple[Action, Written]]) -> list[Outcome]:
        """Reads back many actions of one kind by one listing; an outcome for each, in order."""
        ...


@runtime_checkable
class Bundler(Executor, Protocol):
    """An Executor that writes several actions by one request."""

    def bundles(self, kind: ActionKind, actions: Sequence[Action]) -> list[list[Action]]:
        """`actions`, which are all of `kind`, in the portions that are written together."""
        ...

    async def write_bundle(self, actions: Sequence[Action]) -> Written:
        """Does all of them. Where it is refused for a reason of one of them, each is written by itself."""
        ...


Pair = tuple[Action, Written]


@dataclass(slots=True)
class _Run:
    """One call of `carry_out`."""

    executor: Executor
    done: Done
    begun: Begun = unobserved
    tried: set[str] = field(default_factory=set)
    failed: set[str] = field(default_factory=set)
    stop: ControllerError | None = None
    seats_gone: str = ""
    unavailable_in_a_row: int = 0

    async def kind(self, kind: ActionKind, actions: list[Action]) -> None:
        """Writes and confirms `actions`, which are all of `kind`."""
        slots = asyncio.Semaphore(max(1, self.executor.concurrency(kind)))
        singly = self.executor.confirms_singly(kind, len(actions))
        written: list[Pair] = []

        async def one(bundle: list[Action]) -> None:
            async with slots:
                for action, result in await self._write(bundle):
                    if singly:
                        self._tell(await self._confirm(action, result))
                    else:
                        written.append((action, result))

        tasks = [asyncio.ensure_future(one(bundle)) for bundle in self._bundles(kind, actions)]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
        if written:
            await self._confirm_all(kind, written)

    def _bundles(self, kind: ActionKind, actions: list[Action]) -> list[list[Action]]:
        if isinstance(self.executor, Bundler):
            return self.executor.bundles(kind, actions)
        return [[action] for action in actions]

    async def _write(self, bundle: list[Action]) -> list[Pair]:
        """What was written; the outcome of everything else in `bundle` has been told already."""
        ready = [action for action in bundle if not self._is_skipped(action)]
        if not ready:
            return []
        try:
            self._begin(ready)
        except ControllerError as error:
            self.stop = self.stop or error
            return [pair for action in ready for pair in await self._write([action])]
        with trail() as requests:
            try:
                written = await self._send(ready)
            except ControllerError as error:
                if len(ready) > 1 and not _concerns_all(error):
                    return [pair for action in ready for pair in await self._write([action])]
                self._note(ready, error, requests)
                return []
        self.unavailable_in_a_row = 0
        told = written if written.request_id else replace(written, request_id=",".join(requests))
        return [(action, told) for action in ready]

    def _begin(self, ready: list[Action]) -> None:
        """Once for each: a portion that is refused is sent again in parts."""
        for action in ready:
            if action.key not in self.tried:
                self.tried.add(action.key)
                self.begun(action)

    async def _send(self, ready: list[Action]) -> Written:
        if len(ready) > 1 and isinstance(self.executor, Bundler):
            return await self.executor.write_bundle(ready)
        return await self.executor.write(ready[0])

    def _is_skipped(self, action: Action) -> bool:
        reason = self._why_skipped(action)
        if reason is not None:
            self._tell(Outcome(action, Result.SKIPPED, *reason))
        return reason is not None

    def _why_skipped(self, action: Action) -> tuple[str, str] | None:
        if self.stop is not None:
            return self.stop.reason, self.stop.message
        missing = sorted(self.failed.intersection(action.needs))
        if missing:
            return "DependencyFailed", f"needs {missing[0]}, which did not succeed"
        if self.seats_gone and action.kind in (ActionKind.CREATE_ACCOUNT, ActionKind.REACTIVATE_ACCOUNT):
            return "SeatsExhausted", self.seats_gone
        return None

    def _note(self, actions: Sequence[Action], error: ControllerError, requests: Sequence[str]) -> None:
        if error.reason == "SeatsExhausted":
            self.seats_gone = error.message
        is_down = isinstance(error, Unavailable)
        self.unavailable_in_a_row = self.unavailable_in_a_row + 1 if is_down else 0
        is_final = isinstance(error, Unauthorized | RateLimited | Unreachable)
        if isinstance(error, RemoteError) and (is_final or self.unavailable_in_a_row >= PATIENCE):
            self.stop = self.stop or error
        for action in actions:
            self._tell(_failure(action, error, requests))

    async def _confirm(self, action: Action, written: Written) -> Outcome:
        try:
            return await self.executor.confirm(action, written)
        except ControllerError as error:
            return _unconfirmed(action, written, error)

    async def _confirm_all(self, kind: ActionKind, written: list[Pair]) -> None:
        try:
            outcomes = await self.executor.confirm_all(kind, written)
        except ControllerError as error:
            outcomes = [_unconfirmed(action, one, error) for action, one in written]
        for outcome in outcomes:
            self._tell(outcome)

    def _tell(self, outcome: Outcome) -> None:
        if outcome.result in (Result.FAILED, Result.SKIPPED):
            self.failed.add(outcome.action.key)
        self.done(outcome)


async def carry_out(
    executor: Executor, actions: Sequence[Action], done: Done, begun: Begun = unobserved
) -> None:
    """Every action of `actions` has been reported to `done` when this returns or raises; each that was tried
    has been reported to `begun` before anything was sent for it. What is under way when `begun` raises is
    finished and confirmed, and nothing more is begun.

    Raises the Unauthorized, RateLimited or Unavailable after which nothing further could succeed, or what
    `begun` raised.
    """
    run = _Run(executor, done, begun)
    for kind, group in groupby(actions, key=lambda action: action.kind):
        await run.kind(kind, list(group))
    if run.stop is not None:
        raise run.stop


def confirmed(action: Action, written: Written, remote_id: str = "") -> Outcome:
    """DONE: it was read back as it should be."""
    return Outcome(
        action, Result.DONE, remote_id=remote_id or written.remote_id, request_id=written.request_id
    )


def not_confirmed(action: Action, written: Written, words: str) -> Outcome:
    """FAILED: accepted, yet what was read back is not what was written."""
    message = f"accepted, but {words}"
    return Outcome(action, Result.FAILED, "NotConfirmed", message, written.remote_id, written.request_id)


def _concerns_all(error: ControllerError) -> bool:
    """Whether each action by itself would meet with `error` too, or may have been carried out already."""
    return isinstance(error, Unauthorized | RateLimited | Unavailable) or not isinstance(error, RemoteError)


def _failure(action: Action, error: ControllerError, requests: Sequence[str]) -> Outcome:
    last = error.request_id if isinstance(error, RemoteError) else ""
    request_id = ",".join(dict.fromkeys([*requests, *([last] if last else [])]))
    return Outcome(action, Result.FAILED, error.reason, error.message, action.remote_id, request_id)


def _unconfirmed(action: Action, written: Written, error: ControllerError) -> Outcome:
    words = f"reading it back failed: {error.message}"
    return not_confirmed(action, written, words)
