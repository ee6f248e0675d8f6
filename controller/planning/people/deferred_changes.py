"""Changes that the provider has accepted and that wait for somebody, such as a new e-mail address that its
owner has to confirm.

Called by people for what is not sent again, by after_run for what is noted, by the engine before a plan, by
make_plan and status for what is shown. No provider tells by SCIM whether such a change was declined or has
expired, so that it is sent again after a while; and whoever edits the old value by hand in the meantime has
edited it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from controller.model.actions import TOOK_EFFECT, Action, ActionKind, Outcome, Result
from controller.model.actual import Actual, Deferred, Memory
from controller.model.people import Account, OktaId, Value
from controller.model.plan import WaitingChange
from controller.parsing import parse_moment
from controller.planning.base.desired import Desired
from controller.planning.base.wording import text
from controller.planning.people.attribute_diff import Change, same

Fields = Mapping[str, Deferred]
_SENDS = frozenset({ActionKind.CREATE_ACCOUNT, ActionKind.UPDATE_ACCOUNT, ActionKind.REACTIVATE_ACCOUNT})


def mark_due(memory: Memory, desired: Desired, now: datetime) -> Memory:
    """`memory` in which changes that have waited for longer than the profile allows are due again."""
    limit = desired.profile.resend_after
    deferred = {
        okta_id: {path: replace(one, is_due=_age(one, now) >= limit) for path, one in fields.items()}
        for okta_id, fields in memory.deferred.items()
    }
    return replace(memory, deferred=deferred) if deferred else memory


def _age(sent: Deferred, now: datetime) -> timedelta:
    moment = parse_moment(sent.at, UTC)
    return now - moment if moment is not None else timedelta(0)


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def still_to_send(changes: Iterable[Change], waiting: Fields) -> tuple[Change, ...]:
    """`changes` without those that wait: the same value was accepted, that is not long ago, and the account
    holds what it held then."""
    return tuple(change for change in changes if not _waits(change, waiting.get(change.path)))


def _waits(change: Change, sent: Deferred | None) -> bool:
    if sent is None or sent.is_due or change.after is None or not same(change.path, sent.value, change.after):
        return False
    return sent.before is None or same(change.path, sent.before, change.before)


def why_again(changes: Sequence[Change], waiting: Fields) -> str:
    """Why the first of `changes` that was sent before is sent again; "" if none was."""
    for change in changes:
        sent = waiting.get(change.path)
        if sent is not None and sent.is_due and same(change.path, sent.value, change.after):
            return f"sent again: {change.path} was accepted on {sent.at[:10]} and nobody has confirmed it"
    return ""


def note_deferred(
    memory: Memory, desired: Desired, actual: Actual, outcomes: Iterable[Outcome], now: datetime
) -> dict[OktaId, Fields]:
    """What waits after a run: not what was read back, nor what something else was sent for."""
    waiting = {okta_id: dict(fields) for okta_id, fields in memory.deferred.items()}
    if waiting:
        _look(waiting, memory, desired, actual, now)
    for outcome in outcomes:
        action = outcome.action
        if action.kind in _SENDS and outcome.result in TOOK_EFFECT:
            fields = waiting.setdefault(OktaId(action.subject), {})
            for path, value in action.after:
                fields.pop(path, None)
                if outcome.result is Result.PENDING_CONFIRMATION and path in desired.profile.defers:
                    fields[path] = Deferred(text(value) or "", _held_before(action, path), _text(now))
    listed = {person.okta_id for person in actual.assignments.people} if waiting else frozenset[OktaId]()
    waiting = {okta_id: fields for okta_id, fields in waiting.items() if okta_id in listed}
    return {okta_id: fields for okta_id, fields in waiting.items() if fields}


def _held_before(action: Action, path: str) -> str | None:
    """What the account held; None for one that was created, which is not known yet."""
    before = dict(action.before)
    return (text(before[path]) or "") if path in before else None


def _look(
    waiting: dict[OktaId, dict[str, Deferred]],
    memory: Memory,
    desired: Desired,
    actual: Actual,
    now: datetime,
) -> None:
    """Drops what was read back, and completes what an earlier version or a creation has noted."""
    owners = {scim_id: okta_id for okta_id, scim_id in memory.pairs.items() if okta_id in waiting}
    for account in actual.accounts.accounts:
        fields = waiting.get(owners.get(account.scim_id, OktaId(account.external_id)), {})
        for path, one in tuple(fields.items()):
            held = _held(desired, account, path)
            if same(path, held, one.value):
                del fields[path]
            elif one.before is None or not one.at:
                before = (text(held) or "") if one.before is None else one.before
                fields[path] = replace(one, before=before, at=one.at or _text(now))


def _held(desired: Desired, account: Account, path: str) -> Value:
    paths = desired.reads.paths
    return account.values[paths.index(path)] if path in paths else account.user_name


def waiting_changes(memory: Memory, actual: Actual) -> tuple[WaitingChange, ...]:
    """What waits for somebody, the longest first."""
    if not memory.deferred:
        return ()
    logins = {person.okta_id: person.login for person in actual.assignments.people}
    found = [
        WaitingChange(okta_id, logins.get(okta_id, okta_id), path, one.value, one.at)
        for okta_id, fields in memory.deferred.items()
        for path, one in fields.items()
    ]
    return tuple(sorted(found, key=lambda one: (one.since, one.okta_id, one.path)))
