"""What a run leaves behind for the next: whose accounts are ours, whom we touched, what was approved.

Called by reconcile after apply, whatever came of it, and by whoever stores it. Nothing is noted down of a
tenant whose first plan still waits: an account is ours once somebody agreed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from controller.model.actions import ACCOUNT_KINDS, TOOK_EFFECT, Action, ActionKind, Outcome, Result
from controller.model.actual import Actual, Made, Memory, Touched
from controller.model.people import Account, OktaId, ScimId
from controller.model.plan import Plan, Verdict
from controller.names import fold
from controller.planning.base.desired import Desired
from controller.planning.base.digest import fingerprint
from controller.planning.groups.mapping_table import rows_of, table_of
from controller.planning.groups.memberships import group_after, keeps_memberships
from controller.planning.people.attribute_diff import (
    comparable,
    confirmed_hash,
    paths_key,
)
from controller.planning.people.deferred_changes import note_deferred
from controller.planning.people.leavers import forgotten, people_who_left
from controller.planning.people.matching import of_this_tenant
from controller.planning.policy.change_limits import COUNTED, in_window, people_of, touched_now
from controller.planning.seats.admission import settle
from controller.planning.seats.former_groups import has_created_group, made_of, note_seat_groups
from controller.planning.state.before_run import taken_over
from controller.planning.state.picture import account_after
from controller.planning.teardown.undo_log import REVERSES, note_made

HISTORY_DAYS = 400


@dataclass(frozen=True, slots=True)
class Run:
    """What a run saw, wanted and did."""

    desired: Desired
    actual: Actual
    plan: Plan
    verdict: Verdict
    outcomes: tuple[Outcome, ...]
    now: datetime
    credential: str = ""
    began: datetime | None = None
    """When the first write was about to be made: the time at which people count as touched, so that an intent
    that was carried out is stored once."""


def remember(memory: Memory, run: Run) -> Memory:
    """The memory after `run`; what it read and did is in it, so that a restart repeats nothing."""
    own = of_this_tenant(run.desired, memory)
    noted = replace(
        own,
        window=_window(own, run),
        creating={},
        approved_keys=_still_approved(run),
        approved=run.verdict.memory_approved,
        confirmed=_confirmed(own, run),
        confirmed_paths=paths_key(run.desired.reads.paths),
        logins=_logins(own, run),
        failures=_failures(own, run),
        trouble=own.trouble if run.desired.by == "Okta" else "",
        seat_history=_history(own, run),
        made=_noted_as_made(own, run),
    )
    if run.desired.mode == "Observe" or _is_undecided(run):
        return replace(
            noted,
            tenant=memory.tenant,
            pairs=memory.pairs,
            left=memory.left,
            adopted=memory.adopted,
            rows=memory.rows,
            claims=memory.claims,
            placed=memory.placed,
        )
    pairs, left = _ours(own, run)
    placed = _placed(own, run, pairs, left)
    return replace(
        noted,
        pairs=pairs,
        left=left,
        claims=_claims(own, run, placed),
        placed=placed,
        adopted=_adopted(own, run),
        deferred=note_deferred(own, run.desired, run.actual, run.outcomes, run.now),
        rows=_rows(own, run),
        settled=_settled(own, run),
        tenant=run.desired.tenant,
        app_id=run.actual.app.app_id,
        seat_groups=note_seat_groups(own, run.desired, run.actual, _made(run)),
        is_new=own.is_new and not run.plan.compares_people,
        **_reading(own, run),
    )


def _is_undecided(run: Run) -> bool:
    """Whether the first plan of this tenant still waits for a yes."""
    return run.verdict.is_first and bool(run.plan.actions) and not run.verdict.memory_approved


def _wrote(run: Run) -> Iterator[tuple[Action, Outcome]]:
    return ((outcome.action, outcome) for outcome in run.outcomes if outcome.result in TOOK_EFFECT)


def _noted_as_made(memory: Memory, run: Run) -> Mapping[str, Made]:
    made = made_of(memory, run.actual.app)
    has_group = has_created_group(run.desired, run.actual.assignments, made)
    return note_made(made, _made(run), has_group=has_group)


def _made(run: Run) -> Iterator[tuple[Action, str]]:
    """What may have been set up, confirmed or not, and what was taken away for certain."""
    for outcome in run.outcomes:
        is_unsure = outcome.reason == "NotConfirmed" and outcome.action.kind not in REVERSES
        if outcome.result in TOOK_EFFECT or is_unsure:
            yield outcome.action, outcome.remote_id


# Safeguards and approvals.


def _window(memory: Memory, run: Run) -> tuple[Touched, ...]:
    """The latest entry for each person and class within the window. A write that could not be confirmed
    counts: it may have happened."""
    recent = in_window(memory.window, run.now, run.desired.safeguards.window)
    fresh = [
        (okta_id, outcome.action.touch)
        for outcome in run.outcomes
        if outcome.action.touch in COUNTED
        and (outcome.result in TOOK_EFFECT or outcome.reason == "NotConfirmed")
        for okta_id in people_of(outcome.action)
    ]
    return touched_now(recent, fresh, run.began or run.now)


def _still_approved(run: Run) -> frozenset[str]:
    done = {fingerprint(outcome.action) for outcome in run.outcomes if outcome.result in TOOK_EFFECT}
    return run.verdict.approved_keys - done


# Whose accounts are ours.


def _ours(memory: Memory, run: Run) -> tuple[dict[OktaId, ScimId], dict[OktaId, int]]:
    """(pairs, left): whose accounts are ours, and who of them should have none. Nobody is forgotten but the
    first of very many who left."""
    pairs = _pairs(memory, run)
    wrote = [action for action, _ in _wrote(run)]
    after = replace(memory, pairs=pairs)
    left = dict(memory.left)
    if run.plan.compares_people:
        left = people_who_left(run.desired, run.actual, after, wrote, run.now)
    gone = forgotten(left, run.actual)
    return (
        {okta_id: scim_id for okta_id, scim_id in pairs.items() if okta_id not in gone},
        {okta_id: day for okta_id, day in left.items() if okta_id not in gone},
    )


def _pairs(memory: Memory, run: Run) -> dict[OktaId, ScimId]:
    by_external = {account.external_id: account for account in run.actual.accounts.accounts}
    pairs = dict(memory.pairs)
    for person in run.actual.assignments.people:
        account = by_external.get(person.okta_id)
        if account is not None:
            pairs[person.okta_id] = account.scim_id
    for action, outcome in _wrote(run):
        if action.kind in ACCOUNT_KINDS and (outcome.remote_id or action.remote_id):
            pairs[OktaId(action.subject)] = ScimId(outcome.remote_id or action.remote_id)
    return pairs


def _adopted(memory: Memory, run: Run) -> frozenset[OktaId]:
    """People whose account carried nobody's or somebody else's id when we took it over."""
    return memory.adopted | taken_over(memory, run.actual, [action for action, _ in _wrote(run)])


# What was read back.


def _confirmed(memory: Memory, run: Run) -> dict[OktaId, int]:
    """Hashes of the accounts that are up to date, and of those that were just written."""
    differing = {action.subject for action in run.plan.actions}
    differing.update(item.okta_id for item in run.plan.drift)
    confirmed = dict(comparable(memory, run.desired))
    by_scim_id: dict[str, Account] = {}
    for account in run.actual.accounts.accounts:
        by_scim_id[account.scim_id] = account
        owner = account.external_id
        if owner and owner not in differing:
            confirmed[OktaId(owner)] = confirmed_hash(account)
    for action, outcome in _wrote(run):
        if action.kind in ACCOUNT_KINDS and outcome.result is Result.DONE:
            found = by_scim_id.get(action.remote_id)
            account = account_after(run.desired, action, ScimId(outcome.remote_id), found)
            confirmed[OktaId(action.subject)] = confirmed_hash(account)
    return confirmed


def _rows(memory: Memory, run: Run) -> dict[str, tuple[str, str]]:
    """The rows of the group table that are ours: what is declared and is there."""
    group, table = run.desired.group, run.actual.provider.table
    if group is None or table is None or not run.plan.compares_people or group.via != "UserAttribute":
        return dict(memory.rows)
    present = rows_of(table)
    for action, _ in _wrote(run):
        if action.kind is ActionKind.SAVE_GROUP_TABLE:
            present = {value: name for values, name in table_of(action).rows for value in values}
    kept = {v: row for v, row in memory.rows.items() if row[0] in group.mappings and v in present}
    ours = {v: (group.owners[v], name) for v, name in group.table.items() if present.get(v) == name}
    return {**kept, **ours}


def _placed(
    memory: Memory, run: Run, pairs: Mapping[OktaId, ScimId], left: Mapping[OktaId, int]
) -> dict[OktaId, str]:
    """Where each of our people was seen or put as desired; nothing if nobody asks for it, nor of people who
    left."""
    if not keeps_memberships(run.desired):
        return {}
    placed = dict(memory.placed if run.plan.placed is None else run.plan.placed)
    for action, _ in _wrote(run):
        if action.kind is ActionKind.CHANGE_MEMBERSHIPS:
            placed[OktaId(action.subject)] = group_after(action)
    listed = {person.okta_id for person in run.actual.assignments.people}
    gone = left.keys() - listed if run.plan.compares_people else frozenset[OktaId]()
    return {okta_id: name for okta_id, name in placed.items() if okta_id in pairs and okta_id not in gone}


def _claims(memory: Memory, run: Run, placed: Mapping[OktaId, str]) -> dict[str, tuple[str, str]]:
    """What is claimed; what mappings that are gone have claimed; what was dropped, as long as somebody is in
    its group by us."""
    group = run.desired.group
    if group is None or not keeps_memberships(run.desired):
        return {}
    if not run.plan.compares_people or run.plan.placed is None:
        return dict(memory.claims)
    occupied = set(placed.values())
    kept = {
        value: (owner, name)
        for value, (owner, name) in memory.claims.items()
        if owner not in group.mappings or name in occupied
    }
    return {**kept, **{value: (group.owners[value], name) for value, name in group.table.items()}}


def _settled(memory: Memory, run: Run) -> frozenset[str]:
    """The settings that are up to date, and those that just became so; what is desired no longer is
    forgotten."""
    if not run.plan.compares_people:
        return memory.settled
    made = {run.plan.settings[action.key] for action, _ in _wrote(run) if action.key in run.plan.settings}
    still = memory.settled & frozenset(run.plan.settings.values())
    return run.plan.settled | made | still


def _logins(memory: Memory, run: Run) -> dict[OktaId, tuple[str, ...]]:
    """The logins that protected people have had."""
    known = dict(memory.logins)
    protected = run.desired.protected
    for person in run.actual.assignments.people if protected else ():
        had = known.get(person.okta_id, ())
        names = {fold(person.login), *had}
        if names - set(had) and (person.okta_id in protected or not protected.isdisjoint(names)):
            known[person.okta_id] = tuple(sorted(names))
    return known


def _failures(memory: Memory, run: Run) -> dict[OktaId, str]:
    """The reasons for which Okta could not push somebody, as long as it has not."""
    if run.desired.by != "Okta":
        return {}
    told = {OktaId(one.okta_id) for one in run.plan.problems if one.reason == "PushFailed"}
    return {
        okta_id: reason
        for okta_id, reason in memory.failures.items()
        if okta_id in told or not run.plan.compares_people
    }


# What was read.


def _reading(memory: Memory, run: Run) -> dict[str, Any]:
    """How many people were read with which credential, and who was not listed without another proof. A
    shrunken reading after a change of the credential does not become the measure until somebody approved it,
    nor does one that a second reading has to confirm."""
    people = len(run.actual.assignments.people)
    is_same = memory.credential in ("", run.credential)
    if not run.plan.compares_people or run.actual.fresh is not None:
        return {}
    unlisted = {"unlisted": run.actual.assignments.unproven}
    is_measure = is_same or people >= memory.people_read or run.verdict.memory_approved
    is_doubted = run.verdict.wants_second_read or bool(run.actual.assignments.left_out)
    if not is_measure or is_doubted:
        return unlisted
    return {**unlisted, "people_read": people, "credential": run.credential}


def _history(memory: Memory, run: Run) -> tuple[tuple[str, int], ...]:
    """One entry a day, the seats after the last run of the day, oldest first."""
    seats = settle(run.desired.seats, run.plan.seats, run.outcomes)
    if seats is None:
        return memory.seat_history
    today = run.now.astimezone(UTC).date().isoformat()
    earlier = _before(memory.seat_history, today)
    return (*earlier, (today, seats.used))[-HISTORY_DAYS:]


def _before(history: Iterable[tuple[str, int]], today: str) -> tuple[tuple[str, int], ...]:
    return tuple(entry for entry in history if entry[0] < today)
