"""What a run has written, entered into what it had read: the same as reading it again."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from controller.model.actions import Action, ActionKind, Outcome, Result, Touch
from controller.model.actual import GroupState
from controller.model.people import ScimId
from controller.planning.make_plan import make_plan
from controller.planning.state.picture import after_writes
from tests.unit.planning.world import (
    GENERIC,
    account_of,
    actual,
    desired_scim_groups,
    done,
    make_desired,
    memory,
    person,
)

PEOPLE = [person(number) for number in range(6)]


@given(
    listed=st.sets(st.sampled_from(range(6))),
    having=st.sets(st.sampled_from(range(6))),
    renamed=st.sets(st.sampled_from(range(6))),
    inactive=st.sets(st.sampled_from(range(6))),
)
def test_a_plan_that_was_carried_out_leaves_nothing_to_do(
    listed: set[int], having: set[int], renamed: set[int], inactive: set[int]
) -> None:
    accounts = [
        replace(
            account_of(PEOPLE[n]),
            user_name="old" if n in renamed else PEOPLE[n].user_name,
            active=n not in inactive,
        )
        for n in sorted(having)
    ]
    missing = {PEOPLE[n].okta_id: None for n in having - listed}
    state, known = actual([PEOPLE[n] for n in sorted(listed)], accounts, missing=missing), memory(accounts)
    plan = make_plan(make_desired(), state, known)
    after = after_writes(make_desired(), state, done(plan.actions))
    assert after is not None
    again = memory(after.accounts.accounts)
    assert make_plan(make_desired(), after, again).actions == ()


def write(kind: ActionKind, subject: str = "00u1", remote: str = "scim-1", **fields: object) -> Action:
    after = tuple((name.replace("__", "."), value) for name, value in fields.items())
    return Action(kind, subject, subject, Touch.CHANGE, (), after, "", remote)  # type: ignore[arg-type]


def test_what_is_not_about_accounts_changes_nothing_here() -> None:
    state = actual([])
    assert (
        after_writes(make_desired(), state, [Outcome(write(ActionKind.SAVE_GROUP_TABLE), Result.DONE)])
        == state
    )


def test_an_account_without_an_id_cannot_be_known() -> None:
    outcome = Outcome(write(ActionKind.CREATE_ACCOUNT, remote="", userName="a"), Result.DONE)
    assert after_writes(make_desired(), actual([]), [outcome]) is None


def test_what_waits_for_a_confirmation_is_not_there_yet() -> None:
    held = account_of(PEOPLE[1])
    desired = make_desired(profile=replace(GENERIC, defers=frozenset({"emails[primary]"})))
    change = write(ActionKind.UPDATE_ACCOUNT, remote=held.scim_id, name__givenName="new")
    change = replace(change, after=(*change.after, ("emails[primary]", "new@acme.com")))
    outcome = Outcome(change, Result.PENDING_CONFIRMATION)
    after = after_writes(desired, actual([], [held]), [outcome])
    assert after is not None
    assert after.accounts.accounts[0].values == ("new", *held.values[1:])


def test_groups_have_their_new_members() -> None:
    state = actual([], [account_of(PEOPLE[1])])
    groups = GroupState({"Sales": ("g1",), "Ops": ("g2",)}, {"Sales": frozenset({ScimId("scim-00u1")})})
    state = replace(state, accounts=replace(state.accounts, groups=groups))
    member = "member"
    outcomes = [
        Outcome(write(ActionKind.CREATE_ACCOUNT, "00u2", "", userName="b"), Result.DONE, remote_id="made"),
        Outcome(write(ActionKind.CREATE_PROVIDER_GROUP, "Legal", ""), Result.DONE, remote_id="g3"),
        Outcome(
            replace(
                write(ActionKind.CHANGE_MEMBERSHIPS, "00u1", "scim-00u1"),
                before=(("group Sales", member),),
                after=(("group Legal", member), ("group Sales", None)),
            ),
            Result.DONE,
        ),
        Outcome(
            replace(write(ActionKind.CHANGE_MEMBERSHIPS, "00u2", ""), after=(("group Ops", member),)),
            Result.DONE,
        ),
        Outcome(replace(write(ActionKind.CHANGE_MEMBERSHIPS), after=(("group Ops", member),)), Result.FAILED),
    ]
    after = after_writes(make_desired(group=desired_scim_groups()), state, outcomes)
    assert after is not None and after.accounts.groups is not None
    assert after.accounts.groups.ids["Legal"] == ("g3",)
    assert after.accounts.groups.members == {"Sales": frozenset(), "Legal": {"scim-00u1"}, "Ops": {"made"}}
