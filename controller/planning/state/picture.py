"""What a run has written, entered into what it had read.

Called by the engine after a run, so that the next one that reads only a few people sees the rest as it is
now. Pure. A write counts as it was read back; what cannot be known without reading leaves no picture.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from controller.model.actions import ACCOUNT_KINDS, TOOK_EFFECT, Action, ActionKind, Outcome, Result
from controller.model.actual import AccountState, Actual, GroupState
from controller.model.people import Account, ScimId, Value
from controller.planning.base.desired import Desired
from controller.planning.groups.memberships import GROUP_KINDS, changed_groups
from controller.planning.people.attribute_diff import ACTIVE, EXTERNAL_ID, USER_NAME


def after_writes(desired: Desired, actual: Actual, outcomes: Iterable[Outcome]) -> Actual | None:
    """`actual` after those of `outcomes` that are about accounts and their groups; None where an account was
    made whose id is not known."""
    done = [outcome for outcome in outcomes if outcome.result in TOOK_EFFECT]
    accounts = {account.scim_id: account for account in actual.accounts.accounts}
    ids: dict[str, ScimId] = {}
    for outcome in done:
        if outcome.action.kind in ACCOUNT_KINDS:
            account = _written(desired, outcome, accounts)
            if not account.scim_id:
                return None
            accounts[account.scim_id] = account
            ids[outcome.action.subject] = account.scim_id
    groups = actual.accounts.groups
    for outcome in done if groups is not None else ():
        if outcome.action.kind in GROUP_KINDS:
            groups = _with_group(groups, outcome, ids)
    return replace(actual, accounts=AccountState(tuple(accounts.values()), groups))


def _written(desired: Desired, outcome: Outcome, accounts: dict[ScimId, Account]) -> Account:
    """The account after a write. What waits at the provider for a confirmation is not there yet."""
    action = outcome.action
    scim_id = ScimId(outcome.remote_id or action.remote_id)
    if outcome.result is Result.PENDING_CONFIRMATION:
        kept = tuple((path, value) for path, value in action.after if path not in desired.profile.defers)
        action = replace(action, after=kept)
    return account_after(desired, action, scim_id, accounts.get(scim_id))


def account_after(desired: Desired, action: Action, scim_id: ScimId, account: Account | None) -> Account:
    """The account as it is once `action` is done; `account` is what was there, None for one that was made."""
    paths, fields = desired.reads.paths, dict(action.after)
    was = account or Account(scim_id, "", "", False, (None,) * len(paths))
    values: tuple[Value, ...] = tuple(
        fields.get(path, value) for path, value in zip(paths, was.values, strict=True)
    )
    return replace(
        was,
        external_id=str(fields.get(EXTERNAL_ID, was.external_id)),
        user_name=str(fields.get(USER_NAME, was.user_name)),
        active=bool(fields.get(ACTIVE, was.active)),
        values=values,
    )


def _with_group(groups: GroupState | None, outcome: Outcome, ids: dict[str, ScimId]) -> GroupState:
    assert groups is not None
    action = outcome.action
    if action.kind is ActionKind.CREATE_PROVIDER_GROUP:
        return replace(
            groups,
            ids={**groups.ids, action.subject: (outcome.remote_id,)},
            members={**groups.members, action.subject: frozenset[ScimId]()},
        )
    return replace(groups, members=_moved(groups, action, ids))


def _moved(groups: GroupState, action: Action, ids: dict[str, ScimId]) -> dict[str, frozenset[ScimId]]:
    member = ids.get(action.subject, ScimId(action.remote_id))
    joined, left = changed_groups(action)
    members = dict(groups.members)
    for name in joined:
        members[name] = members.get(name, frozenset()) | {member}
    for name in left:
        members[name] = members.get(name, frozenset()) - {member}
    return members
