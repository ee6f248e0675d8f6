"""Memberships of the provider's SCIM groups, where the operator keeps them itself (groups.via: ScimGroups).

Called by make_plan once it is known who gets an account, by the engine for which groups are to be read, and
by memory and targets to read an action. People are taken out of the groups that a GroupMapping names, and
of the one into which the operator itself has put them; every other group, and every other member, is let
be. Nobody is taken out of a group that was not read to hold them: what was read in part removes nobody.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from controller.model.actions import Action, ActionKind, Touch
from controller.model.actual import Actual, GroupState, Memory
from controller.model.people import OktaId, Person, Value
from controller.model.plan import DriftItem, DriftKind, Problem
from controller.planning.base.desired import Desired, DesiredGroups, account_rule
from controller.planning.base.mapping_rules import NOWHERE, Placing
from controller.planning.base.wording import flaw, shown, text
from controller.planning.groups.mapping_table import unmapped_text
from controller.planning.groups.provider_groups import KIND, Catalogue, declared_groups
from controller.planning.people.attribute_diff import build_lenses
from controller.planning.people.matching import Register, Tie, freed_people, is_protected

GROUP_KINDS = frozenset({ActionKind.CREATE_PROVIDER_GROUP, ActionKind.CHANGE_MEMBERSHIPS})
"""Kinds that are about the provider's groups."""
MEMBER = "member"
_FIELD = "group "


@dataclass(frozen=True, slots=True)
class _Reach:
    """How an account is reached: its SCIM id, "" for one that is to come, and keys of the actions that make
    it ours. `is_new`: this plan makes it, or a run has that came to no end."""

    scim_id: str
    needs: tuple[str, ...] = ()
    is_new: bool = False


# What an action says.


def groups_before(action: Action) -> tuple[str, ...]:
    """The groups that a CHANGE_MEMBERSHIPS action found the person in, among those that are managed."""
    return tuple(name.removeprefix(_FIELD) for name, value in action.before if value == MEMBER)


def group_after(action: Action) -> str:
    """The group in which it leaves the person; "" for none."""
    return next((name.removeprefix(_FIELD) for name, value in action.after if value == MEMBER), NOWHERE)


def changed_groups(action: Action) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(groups to be joined, groups to be left)."""
    target, before = group_after(action), groups_before(action)
    joined = (target,) if target and target not in before else ()
    return joined, tuple(name for name in before if name != target)


# What has to be read.


def keeps_memberships(desired: Desired) -> bool:
    """Whether memberships are the operator's to keep."""
    return desired.group is not None and desired.group.via == "ScimGroups"


def groups_to_read(
    desired: Desired, people: Iterable[Person], user_types: Mapping[str, str], memory: Memory
) -> frozenset[str]:
    """Names of the groups whose members the plan needs: those that rows or the rule for unmapped values name,
    with UseValue the values of `people`, and those in which `people` were put."""
    group = desired.group
    if group is None or not keeps_memberships(desired) or not group.mappings or desired.is_departing:
        return frozenset()
    names = set(declared_groups(group))
    rules, lens_of = _Rules(group, memory), build_lenses(desired, user_types)
    for person in people:
        names.add(memory.placed.get(person.okta_id, NOWHERE))
        evaluate = lens_of(person.user_type).group if group.unmapped == "UseValue" else None
        if evaluate is not None:
            names.add(rules.target(text(evaluate(person.profile))) or NOWHERE)
    return frozenset(names - {NOWHERE})


class _Rules:
    """Where a value leads."""

    def __init__(self, group: DesiredGroups, memory: Memory) -> None:
        self._placing = Placing(group.table, unmapped_text(group))
        gone = {value for value, (owner, _) in memory.claims.items() if owner not in group.mappings}
        self._stay = group.contested | (gone - group.table.keys())

    def target(self, value: str | None) -> str | None:
        """The group, NOWHERE, or None for whoever stays where they are: their value is contested, or was
        claimed by a mapping that is gone."""
        return None if value in self._stay else self._placing.group(value)


# The plan.


@dataclass(slots=True)
class MembershipPlan:
    """Groups to be created and people to be moved; edits by hand; what is wrong. `placed` as of Plan."""

    actions: list[Action] = field(default_factory=list)
    drift: list[DriftItem] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    placed: dict[OktaId, str] | None = None


def plan_memberships(
    desired: Desired, actual: Actual, memory: Memory, values: Mapping[OktaId, Value], writes: Sequence[Action]
) -> MembershipPlan:
    """What the memberships of everybody need who has an account of ours or gets one. `values` are the values
    of people, `writes` the actions of this plan on accounts. Memberships of people who are to have no account
    are left alone."""
    group, state = desired.group, actual.accounts.groups
    if group is None or state is None or not keeps_memberships(desired) or not group.mappings:
        return MembershipPlan()
    obstacle = _obstacle(actual, state)
    if obstacle is not None:
        return MembershipPlan(problems=_tell_everywhere(desired, group, *obstacle))
    planner = _Planner(desired, actual, memory, values)
    for name in sorted(declared_groups(group)):
        planner.groups.find(name)
    by_person = {action.subject: action for action in writes}
    for person in sorted(actual.assignments.people, key=lambda one: one.okta_id):
        planner.person(person, by_person.get(person.okta_id))
    planner.found.actions += planner.groups.creations()
    planner.found.problems += planner.groups.problems()
    return planner.found


def _obstacle(actual: Actual, state: GroupState) -> tuple[str, str] | None:
    """(reason, words) why no membership can be kept at all; None where they can."""
    if state.fault:
        return (
            "GroupsNotServed",
            f"the provider tells no SCIM groups ({state.fault}); write via: UserAttribute",
        )
    table = actual.provider.table
    if table is not None and table.entries:
        return "GroupTableInUse", (
            "the provider's own value to group table has rows, so that it lets nobody else change "
            "memberships; take its rows away in its admin center, or write via: UserAttribute"
        )
    return None


def _tell_everywhere(desired: Desired, group: DesiredGroups, reason: str, told: str) -> list[Problem]:
    """On the integration, which has to be changed, and on the mappings, whose rows lead nowhere meanwhile."""
    found = [_problem(desired, reason, told, "spec.groups.via")]
    for name in sorted(group.mappings):
        path = "spec.integrationRef"
        words = f"{path}: spec.groups.via of ScimIntegration {desired.name}: {told}"
        found.append(Problem("GroupMapping", name, reason, words, path))
    return found


def _problem(desired: Desired, reason: str, told: str, path: str, okta_id: str = "") -> Problem:
    return Problem(KIND, desired.name, reason, f"{path}: {told}", path, okta_id)


class _Planner:
    """One run over the people; `found` collects."""

    def __init__(
        self, desired: Desired, actual: Actual, memory: Memory, values: Mapping[OktaId, Value]
    ) -> None:
        group, state = desired.group, actual.accounts.groups
        assert group is not None
        assert state is not None
        self.desired, self.memory, self.values = desired, memory, values
        self.groups = Catalogue(desired, group, state)
        self.places = dict(memory.placed)
        self.found = MembershipPlan(placed=self.places)
        self._rules = _Rules(group, memory)
        self._managed = set(declared_groups(group))
        if group.unmapped == "UseValue":
            self._managed |= {self._rules.target(text(value)) or NOWHERE for value in values.values()}
        claimants: dict[str, set[str]] = {}
        for owner, name in memory.claims.values():
            claimants.setdefault(name, set()).add(owner)
        self._released = {name for name, owners in claimants.items() if owners.isdisjoint(group.mappings)}
        self._managed_before = claimants.keys() | set(memory.placed.values())
        self._groups_of: dict[str, list[str]] = {}
        for name in sorted(state.members):
            for member in state.members[name]:
                self._groups_of.setdefault(member, []).append(name)
        self._register = Register(actual.accounts.accounts, memory.pairs, freed_people(desired, memory))

    def person(self, person: Person, write: Action | None) -> None:
        """Decides about one person; `write` is what this plan does to their account."""
        reach = self._reach(person, write)
        if reach is None:
            return
        value = text(self.values.get(person.okta_id))
        target = self._rules.target(value)
        current = self._current(person.okta_id, reach.scim_id, target)
        if target is None:
            if self.places.get(person.okta_id, NOWHERE) not in current:
                self.places.pop(person.okta_id, None)
        elif current == ([target] if target else []):
            self.places[person.okta_id] = target
        else:
            self._move(person, reach, target, current)

    def _reach(self, person: Person, write: Action | None) -> _Reach | None:
        """How the person's account is reached; None where there is none that is ours, or is to be active."""
        if account_rule(self.desired, person.state) != "Provision":
            return None
        if write is not None and write.kind in (ActionKind.CREATE_ACCOUNT, ActionKind.REACTIVATE_ACCOUNT):
            return _Reach(write.remote_id, (write.key,), write.kind is ActionKind.CREATE_ACCOUNT)
        match = self._register.match(person)
        if match.account is None or not match.account.active:
            return None
        if match.tie is Tie.OURS:
            is_new = person.okta_id in self.memory.creating or person.okta_id not in self.memory.pairs
            return _Reach(match.account.scim_id, (), is_new)
        return _Reach(match.account.scim_id, (write.key,)) if write is not None else None

    def _current(self, okta_id: OktaId, scim_id: str, target: str | None) -> list[str]:
        """The groups that hold the person, of those out of which they may be taken, and `target`."""
        own = self.memory.placed.get(okta_id, NOWHERE)
        return [
            name
            for name in self._groups_of.get(scim_id, ())
            if name == target or name in self._managed or (name == own and name not in self._released)
        ]

    def _move(self, person: Person, reach: _Reach, target: str, current: list[str]) -> None:
        if self._is_left_alone(person, target):
            return
        # An account that is new or was inactive holds what the provider gave it, which is no edit.
        is_edited = not reach.needs and self._is_edited(person.okta_id, target, current)
        is_told_only = is_edited and not self.desired.corrects_drift
        needed = self.groups.find(target) if target and not is_told_only else ()
        if needed is None:
            self._tell_fault(person, target)
            return
        if is_edited:
            told = f"{_name(person)} groups"
            held = ", ".join(current) or None
            item = DriftItem(DriftKind.GROUP, "Provider", told, target or None, held, person.okta_id)
            self.found.drift.append(item)
        if not is_told_only:
            value = text(self.values.get(person.okta_id))
            why = "changed at the provider by hand" if is_edited else _why(value, target)
            self.found.actions.append(_action(person, reach, needed, target, current, why))

    def _is_left_alone(self, person: Person, target: str) -> bool:
        """Whether the person is not to be moved: protected, or their value names no group that can be."""
        fault = flaw(target)
        if fault:
            told = f"the group value of {_name(person)} {fault}; correct it in Okta"
            path = "spec.groups.unmapped"
            self.found.problems.append(_problem(self.desired, "ValueNotSent", told, path, person.okta_id))
            return True
        if not is_protected(self.desired, self.memory, person.okta_id, person.login, person.user_name):
            return False
        told = f"{shown(person.login or person.user_name)} is protected by the OktaOrg and is left as it is"
        problem = Problem(KIND, self.desired.name, "Protected", told, "spec.protected", person.okta_id)
        self.found.problems.append(problem)
        return True

    def _tell_fault(self, person: Person, target: str) -> None:
        """A group that rows or a rule name is told once; one that only a value names, on whoever has it."""
        if not self.groups.is_declared(target):
            reason, told = self.groups.fault(target)
            path = "spec.groups.unmapped"
            told = f"{_name(person)} stays where they are: {told}"
            self.found.problems.append(_problem(self.desired, reason, told, path, person.okta_id))

    def _is_edited(self, okta_id: OktaId, target: str, current: list[str]) -> bool:
        """Whether somebody else did it: the person was where they belong, and is not any more, though the
        groups were managed then as they are now."""
        if self.memory.placed.get(okta_id) != target:
            return False
        is_out = bool(target) and target not in current
        return is_out or any(name != target and name in self._managed_before for name in current)


def _action(
    person: Person, reach: _Reach, needed: tuple[str, ...], target: str, current: Sequence[str], why: str
) -> Action:
    """Who is put into a first group along with a new account is no change of anybody."""
    names = sorted({*current, *((target,) if target else ())})
    return Action(
        ActionKind.CHANGE_MEMBERSHIPS,
        person.okta_id,
        person.login or person.user_name,
        Touch.CREATE if reach.is_new and not current else Touch.CHANGE,
        tuple((_FIELD + name, MEMBER if name in current else None) for name in names),
        tuple((_FIELD + name, MEMBER if name == target else None) for name in names),
        why,
        reach.scim_id,
        needs=(*reach.needs, *needed),
    )


def _why(value: str | None, target: str) -> str:
    told = f"the value {shown(value)}" if value else "no value"
    return f"{told} leads to {f'the group {shown(target)}' if target else 'no group'}"


def _name(person: Person) -> str:
    return shown(person.login or person.user_name or person.okta_id)
