"""Whose account is whose: each case that has taken an account from somebody in the wild, with desired state
and plan."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest

from controller.model.actions import Action, ActionKind, Touch
from controller.model.actual import Actual, Deferred, Memory
from controller.model.people import OktaId, PersonState, ScimId
from controller.model.plan import Plan
from controller.planning.base.desired import Desired
from controller.planning.make_plan import make_plan
from controller.planning.people.attribute_diff import confirmed_hash, paths_key
from controller.planning.people.matching import ids_to_look_up
from tests.unit.planning.world import PATHS, account_of, actual, make_desired, memory, person

DEPROVISIONED = PersonState.DEACTIVATED


@dataclass(frozen=True)
class Case:
    """One person's story: what was read, and what the plan does to whom; `problems` are reasons."""

    name: str
    reason: str
    state: Callable[[], tuple[Desired, Actual, Memory]]
    actions: tuple[tuple[ActionKind, str], ...] = ()
    problems: tuple[str, ...] = ()


def rehired(adopts: bool) -> Callable[[], tuple[Desired, Actual, Memory]]:
    def build() -> tuple[Desired, Actual, Memory]:
        old, new = person(1), person(2, user_name="p1@acme.com", login="p1@acme.com")
        held = account_of(old, active=False)
        state = actual([new], [held], missing={old.okta_id: DEPROVISIONED})
        return make_desired(adopts_orphans=adopts), state, memory([held])

    return build


def namesake() -> tuple[Desired, Actual, Memory]:
    """Another person with the userName of somebody who is still there, under another login."""
    ada, other = person(1, user_name="ada@acme.com"), person(2, user_name="ADA@acme.com")
    held = account_of(ada)
    return make_desired(adopts_orphans=True), actual([ada, other], [held]), memory([held])


def stranger() -> tuple[Desired, Actual, Memory]:
    """The userName is taken by an account whose externalId another system gave it: a 404 in Okta proves
    nothing."""
    one = person(1)
    held = account_of(one, external_id="entra-77")
    return (
        make_desired(adopts_orphans=True),
        actual([one], [held], missing={OktaId("entra-77"): None}),
        memory(),
    )


def renamed_login() -> tuple[Desired, Actual, Memory]:
    one = person(1)
    held = account_of(one)
    return (
        make_desired(),
        actual([replace(one, user_name="new@acme.com", login="new@acme.com")], [held]),
        memory([held]),
    )


def pending_email() -> tuple[Desired, Actual, Memory]:
    one = person(1)
    held = account_of(one)
    changed = replace(one, profile=(one.profile[0], "new@acme.com", one.profile[2]))
    known = memory([held], deferred={one.okta_id: {PATHS[1]: Deferred("new@acme.com")}})
    return make_desired(), actual([changed], [held]), known


def pending_email_changed_again() -> tuple[Desired, Actual, Memory]:
    desired, state, known = pending_email()
    one = person(1)
    return desired, state, replace(known, deferred={one.okta_id: {PATHS[1]: Deferred("older@acme.com")}})


def in_state(
    state: PersonState, *, has_account: bool = True, **rules: object
) -> Callable[[], tuple[Desired, Actual, Memory]]:
    def build() -> tuple[Desired, Actual, Memory]:
        one = person(1, state=state)
        held = [account_of(one)] if has_account else []
        return make_desired(**rules), actual([one], held), memory(held)

    return build


def other_user_type() -> tuple[Desired, Actual, Memory]:
    """Contractors get their group from another attribute."""
    one = person(1, user_type="oty2")
    held = account_of(one, values=("p1", "p1@acme.com", "p1@acme.com"))
    group = make_desired().group
    assert group is not None
    sources = {**group.sources, "contractor": make_desired().attributes[1].expression}
    state = actual([one], [held])
    state = replace(state, app=replace(state.app, user_types={"oty1": "default", "oty2": "contractor"}))
    return make_desired(group=replace(group, sources=sources)), state, memory([held])


def protected(**how: object) -> Callable[[], tuple[Desired, Actual, Memory]]:
    def build() -> tuple[Desired, Actual, Memory]:
        one = person(1, state=DEPROVISIONED)
        held = account_of(one)
        known = memory([held], logins={one.okta_id: ("root@acme.com",)})
        return make_desired(protected=frozenset({str(how["by"])})), actual([one], [held]), known

    return build


def gone(state: PersonState | None, **rules: object) -> Callable[[], tuple[Desired, Actual, Memory]]:
    def build() -> tuple[Desired, Actual, Memory]:
        one, other = person(1), person(2)
        held = [account_of(one), account_of(other)]
        return make_desired(**rules), actual([other], held, missing={one.okta_id: state}), memory(held)

    return build


def there_before(*, active_person: bool, may: bool = False) -> Callable[[], tuple[Desired, Actual, Memory]]:
    def build() -> tuple[Desired, Actual, Memory]:
        one = person(1, state=PersonState.ACTIVE if active_person else DEPROVISIONED)
        if active_person:
            return make_desired(), actual([one], [account_of(one, external_id="")]), memory()
        held = account_of(one)
        known = memory([held], adopted=frozenset({one.okta_id}))
        return make_desired(may_deactivate_adopted=may), actual([one], [held]), known

    return build


def drops_external_id() -> tuple[Desired, Actual, Memory]:
    """The provider keeps no externalId: the pair says whose it is, even after a new userName."""
    one = person(1, user_name="new@acme.com")
    held = account_of(person(1), external_id="")
    profile = replace(make_desired().profile, keeps_external_id=False)
    return make_desired(profile=profile), actual([one], [held]), memory(pairs={one.okta_id: held.scim_id})


def paired_to_another() -> tuple[Desired, Actual, Memory]:
    """The same provider: an account without an externalId that is noted down as somebody else's."""
    other = person(2, user_name="p1@acme.com")
    held = account_of(person(1), external_id="")
    profile = replace(make_desired().profile, keeps_external_id=False)
    return (
        make_desired(profile=profile),
        actual([other], [held]),
        memory(pairs={OktaId("00u1"): held.scim_id}),
    )


def equal_names() -> tuple[Desired, Actual, Memory]:
    people = [person(1, user_name="Same@acme.com"), person(2, user_name="same@ACME.com"), person(3)]
    return make_desired(), actual(people, []), memory()


def marked_twice() -> tuple[Desired, Actual, Memory]:
    one = person(1)
    real, copy = account_of(one), account_of(one, scim_id=ScimId("a-copy"), user_name="copy@acme.com")
    return make_desired(), actual([one], [copy, real]), memory([real])


UPDATE, CREATE = ActionKind.UPDATE_ACCOUNT, ActionKind.CREATE_ACCOUNT
DEACTIVATE, REACTIVATE = ActionKind.DEACTIVATE_ACCOUNT, ActionKind.REACTIVATE_ACCOUNT
CASES = (
    Case(
        "rehire", "a new Okta id must not inherit the old account", rehired(False), (), ("ForeignExternalId",)
    ),
    Case("rehire, adopted", "its owner was read as deactivated", rehired(True), ((REACTIVATE, "00u2"),)),
    Case("namesake", "the owner is still there", namesake, (), ("ForeignExternalId",)),
    Case("stranger", "a 404 is no proof that the owner left", stranger, (), ("ForeignExternalId",)),
    Case("renamed login", "matched by externalId", renamed_login, ((UPDATE, "00u1"),)),
    Case("e-mail pending", "sent once, waits for its owner", pending_email),
    Case("e-mail changed again", "another value is sent", pending_email_changed_again, ((UPDATE, "00u1"),)),
    Case("suspended", "kept by default", in_state(PersonState.SUSPENDED)),
    Case(
        "suspended, to go",
        "declared so",
        in_state(PersonState.SUSPENDED, on_suspended="Deactivate"),
        ((DEACTIVATE, "00u1"),),
    ),
    Case("suspended, none yet", "gets none", in_state(PersonState.SUSPENDED, has_account=False)),
    Case("staged", "waits for the first sign-in", in_state(PersonState.NOT_YET_ACTIVE, has_account=False)),
    Case(
        "staged, at once",
        "declared so",
        in_state(PersonState.NOT_YET_ACTIVE, has_account=False, create_not_yet_active=True),
        ((CREATE, "00u1"),),
    ),
    Case("staged again", "keeps the account", in_state(PersonState.NOT_YET_ACTIVE)),
    Case("left", "read as deactivated", in_state(DEPROVISIONED), ((DEACTIVATE, "00u1"),)),
    Case("left, kept", "declared so", in_state(DEPROVISIONED, on_deactivated="Keep")),
    Case("left, never here", "gets none", in_state(DEPROVISIONED, has_account=False)),
    Case("other user type", "its own source", other_user_type),
    Case("protected by login", "immune", protected(by="p1@acme.com"), (), ("Protected",)),
    Case("protected by id", "immune", protected(by="00u1"), (), ("Protected",)),
    Case(
        "protected by an old login",
        "immune after a renaming",
        protected(by="root@acme.com"),
        (),
        ("Protected",),
    ),
    Case("unassigned", "a removal", gone(PersonState.ACTIVE), ((DEACTIVATE, "00u1"),)),
    Case("unassigned, kept", "declared so", gone(PersonState.ACTIVE, on_unassigned="Keep")),
    Case("deleted in Okta", "a removal", gone(None), ((DEACTIVATE, "00u1"),)),
    Case("there before", "adopted", there_before(active_person=True), ((UPDATE, "00u1"),)),
    Case("adopted, left", "not ours to deactivate", there_before(active_person=False), (), ("AdoptedKept",)),
    Case(
        "adopted, may go", "declared so", there_before(active_person=False, may=True), ((DEACTIVATE, "00u1"),)
    ),
    Case("no externalId kept", "matched by the pair", drops_external_id, ((UPDATE, "00u1"),)),
    Case("noted as another's", "not ours to take", paired_to_another, (), ("ForeignExternalId",)),
    Case(
        "equal names",
        "neither is guessed, the rest goes on",
        equal_names,
        ((CREATE, "00u3"),),
        ("DuplicateUserName", "DuplicateUserName"),
    ),
    Case("marked twice", "the noted one counts", marked_twice, (), ("DuplicateExternalId",)),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_each_case_has_its_plan(case: Case) -> None:
    plan = make_plan(*case.state())
    assert tuple((action.kind, action.subject) for action in plan.actions) == case.actions, case.reason
    assert tuple(problem.reason for problem in plan.problems) == case.problems, case.reason


def only(plan: Plan) -> Action:
    (action,) = plan.actions
    return action


def test_a_rehire_takes_the_account_over_with_its_own_id() -> None:
    action = only(make_plan(*rehired(True)()))
    assert dict(action.before) == {
        "active": False,
        "externalId": "00u1",
        PATHS[0]: "p1",
        PATHS[1]: "p1@acme.com",
    }
    assert dict(action.after) == {
        "active": True,
        "externalId": "00u2",
        PATHS[0]: "p2",
        PATHS[1]: "p2@acme.com",
    }


def test_leavers_and_removals_are_told_apart() -> None:
    assert only(make_plan(*gone(DEPROVISIONED)())).touch is Touch.LEAVER
    assert only(make_plan(*gone(None)())).touch is Touch.REMOVAL
    assert only(make_plan(*gone(PersonState.ACTIVE)())).touch is Touch.REMOVAL


def test_somebody_who_was_not_looked_up_is_left_alone() -> None:
    desired, state, known = gone(None)()
    state = replace(state, assignments=replace(state.assignments, missing={}))
    assert make_plan(desired, state, known).actions == ()


def test_a_create_holds_every_field() -> None:
    action = only(make_plan(make_desired(), actual([person(1)]), memory()))
    assert action.after == (
        ("externalId", "00u1"),
        ("userName", "p1@acme.com"),
        ("active", True),
        (PATHS[0], "p1"),
        (PATHS[1], "p1@acme.com"),
        (PATHS[2], "Sales"),
    )


def test_whom_to_look_up_are_our_people_who_are_not_listed_and_owners_of_claimed_accounts() -> None:
    desired, state, known = rehired(True)()
    assert ids_to_look_up(desired, state.assignments, state.accounts, known) == (OktaId("00u1"),)
    desired, state, known = gone(None)()
    assert ids_to_look_up(desired, state.assignments, state.accounts, known) == (OktaId("00u1"),)
    assert ids_to_look_up(desired, state.assignments, state.accounts, memory()) == ()


def test_an_owner_who_is_listed_and_whoever_has_an_account_need_no_look() -> None:
    owner, rival, settled = person(1), person(2, user_name="p1@acme.com"), person(3)
    state = actual([owner, rival, settled], [account_of(owner), account_of(settled)])
    assert (
        ids_to_look_up(make_desired(adopts_orphans=True), state.assignments, state.accounts, memory()) == ()
    )


def test_the_reason_tells_an_edit_by_hand_from_a_change_in_okta() -> None:
    one = person(1)
    before = account_of(one)
    known = memory([before], confirmed={one.okta_id: confirmed_hash(before)})
    by_hand = actual([one], [replace(before, values=("Eve", *before.values[1:]))])
    plan = make_plan(make_desired(), by_hand, known)
    assert only(plan).why == f"{PATHS[0]} was changed at the provider by hand"
    assert [item.actual for item in plan.drift] == ["Eve"]
    in_okta = actual([replace(one, profile=("Engineering", *one.profile[1:]))], [before])
    plan = make_plan(make_desired(), in_okta, known)
    assert only(plan).why == "department is now Engineering in Okta"
    assert plan.drift == ()


def test_report_corrects_what_changed_in_okta_but_not_what_was_edited() -> None:
    one = person(1)
    before = account_of(one)
    known = memory([before], confirmed={one.okta_id: confirmed_hash(before)})
    desired = make_desired(corrects_drift=False)
    by_hand = make_plan(desired, actual([one], [replace(before, active=False)]), known)
    assert by_hand.actions == ()
    assert [item.kind.value for item in by_hand.drift] == ["Active"]
    gone = make_plan(desired, actual([one], []), known)
    assert gone.actions == ()
    assert [item.kind.value for item in gone.drift] == ["Missing"]
    in_okta = make_plan(desired, actual([replace(one, user_name="new@acme.com")], [before]), known)
    assert [action.kind for action in in_okta.actions] == [UPDATE]


def test_what_never_was_up_to_date_is_no_edit() -> None:
    one = person(1)
    other = account_of(one, values=("Eve", *account_of(one).values[1:]))
    plan = make_plan(make_desired(corrects_drift=False), actual([one], [other]), memory([other]))
    assert [action.kind for action in plan.actions] == [UPDATE]
    assert plan.drift == ()


def test_a_spec_that_reads_other_attributes_makes_no_edits_of_its_changes() -> None:
    one = person(1)
    held = account_of(one, values=("Eve", *account_of(one).values[1:]))
    hashes = {one.okta_id: confirmed_hash(replace(held, values=held.values[:2]))}
    desired = make_desired(corrects_drift=False)
    for paths, count in ((paths_key(PATHS[:2]), 1), (paths_key(PATHS), 0), ("", 0)):
        known = memory([held], confirmed=hashes, confirmed_paths=paths)
        assert len(make_plan(desired, actual([one], [held]), known).actions) == count, paths
