"""What becomes of people when the operator provisions: accounts to create, change, reactivate, deactivate.

Called by make_plan. Decides person by person; who gets a seat is decided by seats, what may run by policy. A
person who is up to date costs one dictionary lookup and one comparison and leaves nothing behind.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from controller.errors import clip
from controller.model.actions import Action, ActionKind, Touch
from controller.model.actual import Actual, Memory
from controller.model.people import Account, OktaId, Person, PersonState, Value
from controller.model.plan import DriftItem, DriftKind, Problem
from controller.names import fold
from controller.planning.base.desired import Desired, account_rule
from controller.planning.base.wording import flaw, shown
from controller.planning.people.attribute_diff import (
    ACTIVE,
    EXTERNAL_ID,
    USER_NAME,
    Change,
    build_lenses,
    comparable,
    confirmed_hash,
    identity_changes,
    reworded,
)
from controller.planning.people.deferred_changes import still_to_send, why_again
from controller.planning.people.lookalikes import find_twin, spelled, twin_words
from controller.planning.people.matching import Match, Register, Tie, freed_people, is_gone, is_protected
from controller.planning.people.unchanged import sift

KIND = "ScimIntegration"


@dataclass(slots=True)
class PeoplePlan:
    """What the people need, before seats are given out."""

    actions: list[Action] = field(default_factory=list)
    candidates: list[tuple[Person, Action]] = field(default_factory=list)
    """Who needs a seat, with the creation or reactivation that takes it."""
    drift: list[DriftItem] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    provisioned: int = 0
    values: Mapping[OktaId, Value] = field(default_factory=dict)


def plan_people(desired: Desired, actual: Actual, memory: Memory) -> PeoplePlan:
    """Actions for everybody who is listed, and for those of ours who no longer are."""
    planner = _Planner(desired, actual, memory)
    planner.listed_people()
    planner.people_who_left()
    return planner.found


class _Planner:
    """One run over the people; `found` collects."""

    def __init__(self, desired: Desired, actual: Actual, memory: Memory) -> None:
        self.desired, self.actual, self.memory = desired, actual, memory
        self.pairs = memory.pairs
        self.register = Register(actual.accounts.accounts, memory.pairs, freed_people(desired, memory))
        self.lens_of = build_lenses(desired, actual.app.user_types)
        self.found = PeoplePlan()
        self._confirmed = comparable(memory, desired)
        self._taken: set[str] = set()

    @cached_property
    def _states(self) -> Mapping[OktaId, PersonState]:
        return {person.okta_id: person.state for person in self.actual.assignments.people}

    def listed_people(self) -> None:
        """Everybody in the app's list: nothing for who is up to date, a decision for the rest, in an order of
        its own, so that the plan does not depend on how people were listed."""
        sifted = sift(self.desired, self.actual, self.register)
        self.found.provisioned = sifted.same
        self.found.values = sifted.values
        people = sifted.rest
        for okta_id in self.register.doubles:
            self._problem(
                okta_id,
                "DuplicateExternalId",
                f"several accounts carry the externalId {okta_id}; delete all but one at the provider",
            )
        matches = [(person, self.register.match(person)) for person in people]
        names: dict[str, list[str]] = {}
        for person, match in matches:
            if match.account is None and self._rule(person) == "Provision":
                names.setdefault(fold(person.user_name), []).append(person.user_name)
        for person, match in matches:
            rule = self._rule(person)
            if rule == "Provision":
                self._provision(person, match, names.get(fold(person.user_name), []))
            elif match.tie is Tie.OURS and match.account is not None and match.account.active:
                self._keep_or_deactivate(person, match.account, rule)

    def _rule(self, person: Person) -> str:
        return account_rule(self.desired, person.state)

    def _keep_or_deactivate(self, person: Person, account: Account, rule: str) -> None:
        if rule == "Deactivate":
            self._deactivate(person.okta_id, account, person.state, person.login)
        else:
            self.found.provisioned += 1

    # A person who should have an account.

    def _provision(self, person: Person, match: Match, claims: Sequence[str]) -> None:
        """`claims`: the names, equal but for case, of all who are to get an account of that name."""
        if not person.user_name:
            self._problem(
                person.okta_id,
                "UserNameMissing",
                f"{_name(person)} has no user name in the app; give one in Okta under Assignments",
            )
        elif match.account is None:
            self._create(person, claims)
        elif match.tie is Tie.AMBIGUOUS:
            self._refuse_to_choose(person, match.account)
        elif match.tie is Tie.ORPHAN and not self._may_adopt(person, match):
            self._refuse(person, match)
        else:
            self._bring_up_to_date(person, match)

    def _may_adopt(self, person: Person, match: Match) -> bool:
        is_owner_gone = is_gone(self.actual.assignments, self._states, match.owner)
        return self.desired.adopts_orphans and is_owner_gone

    def _refuse_to_choose(self, person: Person, account: Account) -> None:
        found = self.register.named(person.user_name)
        told = f"the provider has {len(found)} accounts named {shown(account.user_name)}"
        told += spelled(one.user_name for one in found)
        self._problem(
            person.okta_id,
            "AccountAmbiguous",
            f"{told}; delete all but one, or give the right one the externalId {person.okta_id}",
        )

    def _refuse(self, person: Person, match: Match) -> None:
        assert match.account is not None
        how = spelled((person.user_name, match.account.user_name))
        self._problem(
            person.okta_id,
            "ForeignExternalId",
            f"the account {shown(person.user_name)} belongs to externalId {shown(match.owner)}, "
            f"not to {person.okta_id}{how}: delete it or clear its externalId at the provider, "
            "or set spec.adoption.foreignExternalId to AdoptIfOwnerDeprovisioned where its owner left Okta",
            "spec.adoption.foreignExternalId",
        )

    def _create(self, person: Person, claims: Sequence[str]) -> None:
        had_one = person.okta_id in self.memory.in_use
        if len(claims) > 1:
            self._problem(
                person.okta_id,
                "DuplicateUserName",
                f"{shown(person.user_name)} is the user name of several people{spelled(claims)}; change all "
                "but one in Okta",
            )
            return
        if had_one:
            self._drift(DriftKind.MISSING, person, "account", True, None)
        if "Create" not in self.desired.actions or (had_one and not self.desired.corrects_drift):
            return
        if self._is_protected(person.okta_id, person.login, person.user_name):
            return
        fields = self._sendable(person, self.lens_of(person.user_type).creation(person))
        self._report_unknown(person)
        why = "deleted at the provider by hand" if had_one else "assigned in Okta"
        identity = [(EXTERNAL_ID, person.okta_id)] if self.desired.profile.keeps_external_id else []
        self.found.candidates.append(
            (
                person,
                Action(
                    ActionKind.CREATE_ACCOUNT,
                    person.okta_id,
                    person.login or person.user_name,
                    Touch.CREATE,
                    (),
                    (
                        *identity,
                        (USER_NAME, person.user_name),
                        (ACTIVE, True),
                        *((f.path, f.after) for f in fields),
                    ),
                    why + self._twin(person),
                ),
            )
        )

    def _twin(self, person: Person) -> str:
        """What is to be said of an account that looks like the one to be created. One that is nobody's may be
        meant for this person, which a person has to say."""
        twin = find_twin(self.register, person.user_name)
        if twin is None:
            return ""
        told = twin_words(person.user_name, twin)
        if not self.register.owner(twin):
            fix = f"if it is theirs, rename it or give it the externalId {person.okta_id} at the provider"
            message = f"{_name(person)} gets an account of their own: {told}; {fix}"
            self._problem(person.okta_id, "LooksAlike", message)
        return f"; {told}"

    def _bring_up_to_date(self, person: Person, match: Match) -> None:
        account = match.account
        assert account is not None
        self._taken.add(account.scim_id)
        changes = self._changes(person, account)
        self._report_unknown(person)
        known = self._confirmed.get(person.okta_id)
        # What never was up to date is a change that was not carried out yet, as it is with settings.
        # Who comes back finds the account as it was left, which is no edit either.
        is_known = match.tie is Tie.OURS and person.okta_id not in self.memory.left
        is_edited = is_known and known not in (None, confirmed_hash(account))
        if not account.active:
            self._reactivate(person, account, changes, is_edited=is_edited and known is not None)
            return
        self.found.provisioned += 1
        if not changes or "Update" not in self.desired.actions:
            return
        if is_edited:
            self._attribute_drift(person, changes)
        if is_edited and not self.desired.corrects_drift:
            return
        again = "" if is_edited else why_again(changes, self.memory.deferred.get(person.okta_id, {}))
        why = again or reworded(changes, edited=is_edited, known=known is not None)
        if match.tie is not Tie.OURS:
            why = f"taken over: the account {shown(account.user_name)} was there before"
            why += spelled((person.user_name, account.user_name))
        self._emit(person, account, ActionKind.UPDATE_ACCOUNT, changes, why)

    def _changes(self, person: Person, account: Account) -> tuple[Change, ...]:
        fields = self.lens_of(person.user_type).changes(person, account)
        waiting = self.memory.deferred.get(person.okta_id, {})
        found = (*identity_changes(self.desired, person, account), *fields)
        return self._sendable(person, still_to_send(found, waiting) if waiting else found)

    def _sendable(self, person: Person, changes: tuple[Change, ...]) -> tuple[Change, ...]:
        kept = []
        for change in changes:
            fault = flaw(change.after)
            if fault:
                self._problem(
                    person.okta_id,
                    "ValueNotSent",
                    f"{change.source} of {_name(person)} {fault}; "
                    "correct it in Okta. The other fields are sent",
                )
            else:
                kept.append(change)
        return tuple(kept)

    def _report_unknown(self, person: Person) -> None:
        """Values that Okta's documentation does not tell are not guessed: what is there stays."""
        for unknown in self.lens_of(person.user_type).unknown(person):
            self._problem(
                person.okta_id,
                "ValueUnknown",
                f"only Okta can tell what {clip(unknown.expression.text, 120)} gives for {_name(person)}: "
                "its documentation does not (a missing attribute, for example). "
                f"{unknown.path} is not written; give the expression a value for this case, such as "
                'user.x == null ? "" : user.x',
            )

    def _attribute_drift(self, person: Person, changes: tuple[Change, ...]) -> None:
        group_path = self.desired.group.path if self.desired.group is not None else ""
        for change in changes:
            kind = DriftKind.GROUP if change.path == group_path else DriftKind.ATTRIBUTE
            self._drift(kind, person, change.path, change.after, change.before)

    def _reactivate(
        self, person: Person, account: Account, changes: tuple[Change, ...], *, is_edited: bool
    ) -> None:
        if is_edited:
            self._drift(DriftKind.ACTIVE, person, ACTIVE, True, False)
        if "Deactivate" not in self.desired.actions or (is_edited and not self.desired.corrects_drift):
            return
        why = "deactivated at the provider by hand" if is_edited else "active again in Okta"
        back = (Change(ACTIVE, False, True, ACTIVE), *changes)
        self._emit(person, account, ActionKind.REACTIVATE_ACCOUNT, back, why)

    def _emit(
        self, person: Person, account: Account, kind: ActionKind, changes: tuple[Change, ...], why: str
    ) -> None:
        if self._is_protected(person.okta_id, person.login, person.user_name, account.user_name):
            return
        action = Action(
            kind,
            person.okta_id,
            person.login or person.user_name,
            Touch.CHANGE,
            tuple((c.path, c.before) for c in changes),
            tuple((c.path, c.after) for c in changes),
            why,
            account.scim_id,
        )
        if kind is ActionKind.REACTIVATE_ACCOUNT:
            self.found.candidates.append((person, action))
        else:
            self.found.actions.append(action)

    # A person who should have none.

    def people_who_left(self) -> None:
        """People of ours who are not assigned any more, as far as their state was read."""
        states = {} if not self.actual.assignments.missing else self._states
        for okta_id, state in sorted(self.actual.assignments.missing.items()):
            account = self.register.owned(okta_id)
            if okta_id in states or account is None or account.scim_id in self._taken or not account.active:
                continue
            is_leaver = state is PersonState.DEACTIVATED
            rule = self.desired.on_deactivated if is_leaver else self.desired.on_unassigned
            if rule == "Deactivate":
                self._deactivate(okta_id, account, state, account.user_name, is_listed=False)

    def _deactivate(
        self,
        okta_id: OktaId,
        account: Account,
        state: PersonState | None,
        login: str,
        *,
        is_listed: bool = True,
    ) -> None:
        if self.register.owned(okta_id) is not account:
            return
        known = self._confirmed.get(okta_id)
        is_back = okta_id in self.memory.left
        if is_back:
            told = f"{shown(login)} {ACTIVE}"
            self.found.drift.append(DriftItem(DriftKind.ACTIVE, "Provider", told, False, True, okta_id))
        elif known != confirmed_hash(account):
            kind = DriftKind.EXTRA if known is None else DriftKind.ACTIVE
            self.found.drift.append(DriftItem(kind, "Provider", login, None, account.user_name, okta_id))
        is_told_only = is_back and not self.desired.corrects_drift
        if "Deactivate" not in self.desired.actions or self._is_kept(okta_id, account, login) or is_told_only:
            self.found.provisioned += is_listed  # others are not assigned, and counted among nobody
            return
        self.found.actions.append(
            Action(
                ActionKind.DEACTIVATE_ACCOUNT,
                okta_id,
                login,
                Touch.LEAVER if state is PersonState.DEACTIVATED else Touch.REMOVAL,
                ((ACTIVE, True),),
                ((ACTIVE, False),),
                _why_deactivated(state, is_listed=is_listed, is_back=is_back),
                account.scim_id,
            )
        )

    def _is_kept(self, okta_id: OktaId, account: Account, login: str) -> bool:
        """Whether the account stays although its person left: protected, or not ours to deactivate."""
        if self._is_protected(okta_id, login, account.user_name):
            return True
        if okta_id not in self.memory.adopted or self.desired.may_deactivate_adopted:
            return False
        self._problem(
            okta_id,
            "AdoptedKept",
            f"the account {shown(account.user_name)} was there before and is not deactivated; "
            "set spec.adoption.mayDeactivate to true, or deactivate it by hand",
            "spec.adoption.mayDeactivate",
        )
        return True

    # What both have in common.

    def _is_protected(self, okta_id: OktaId, *logins: str) -> bool:
        """Whether nothing may be done to this person; told as a problem, since something would have been."""
        if not is_protected(self.desired, self.memory, okta_id, *logins):
            return False
        self._problem(
            okta_id,
            "Protected",
            f"{shown(logins[0])} is protected by the OktaOrg and is left as it is",
            "spec.protected",
        )
        return True

    def _drift(self, kind: DriftKind, person: Person, what: str, expected: Value, actual: Value) -> None:
        told = f"{_name(person)} {what}"
        self.found.drift.append(DriftItem(kind, "Provider", told, expected, actual, person.okta_id))

    def _problem(self, okta_id: str, reason: str, message: str, path: str = "") -> None:
        self.found.problems.append(Problem(KIND, self.desired.name, reason, message, path, okta_id))


def _name(person: Person) -> str:
    return shown(person.login or person.user_name or person.okta_id)


def _why_deactivated(state: PersonState | None, *, is_listed: bool, is_back: bool) -> str:
    if is_back:
        return "reactivated at the provider by hand"
    if state is PersonState.DEACTIVATED:
        return "deactivated in Okta"
    if state is PersonState.SUSPENDED and is_listed:
        return "suspended in Okta"
    return "no longer in Okta" if state is None else "no longer assigned in Okta"
