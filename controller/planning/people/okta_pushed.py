"""What Okta pushed and what arrived: who is missing at the provider, who is there without need, whose
values differ.

Called by make_plan where Okta provisions. Plans nothing for people, since Okta would undo it: tells drift,
and counts those for whom a person has to press a button in Okta.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from controller.model.actual import Actual, Memory
from controller.model.people import Account, OktaId, Person, PersonState, ScimId, Value
from controller.model.plan import DriftItem, DriftKind, Problem
from controller.planning.base.desired import Desired, account_rule
from controller.planning.base.wording import shown
from controller.planning.people.attribute_diff import Lens, identity_changes
from controller.planning.people.matching import Register
from controller.planning.people.unchanged import sift

_FAILED = "ERROR"
PUSHES_NEW = "PUSH_NEW_USERS"
_NOT_YET = frozenset({"STAGED", "PENDING"})


@dataclass(slots=True)
class Arrivals:
    """What was found; counts of people."""

    drift: list[DriftItem] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    values: Mapping[OktaId, Value] = field(default_factory=dict)
    provisioned: int = 0
    pending: int = 0
    failed: int = 0
    differing: int = 0
    unpushed: int = 0
    """Assigned before Okta pushed, and not taken up by it since; contained in `pending`."""


def check_arrivals(desired: Desired, actual: Actual, memory: Memory) -> Arrivals:
    """Compares everybody whom Okta should have pushed with what the provider holds."""
    sifted = sift(desired, actual, Register(actual.accounts.accounts, memory.pairs))
    found = Arrivals(values=sifted.values, provisioned=sifted.same)
    at = _Circumstances(desired, memory.failures, PUSHES_NEW in actual.app.features)
    for person in sifted.rest:
        _check(at, found, person, _account(sifted.register, person), sifted.lens_of(person.user_type))
    _extra(desired, actual, memory, sifted.register, found)
    return found


def _account(register: Register, person: Person) -> Account | None:
    """By the id that Okta was given for the account, by externalId, or by userName."""
    account = register.by_scim_id.get(ScimId(person.external_id)) if person.external_id else None
    return (
        account
        or register.by_external.get(person.okta_id)
        or next(iter(register.named(person.user_name)), None)
    )


@dataclass(frozen=True, slots=True)
class _Circumstances:
    """What holds for everybody."""

    desired: Desired
    failures: Mapping[OktaId, str]
    creates: bool
    """Whether Okta creates whoever is assigned."""


def _check(at: _Circumstances, found: Arrivals, person: Person, account: Account | None, lens: Lens) -> None:
    desired = at.desired
    rule = account_rule(desired, person.state)
    if person.sync_state == _FAILED:
        _failed(at, found, person)
    elif account is None or not account.active:
        if rule == "Provision" and "Create" in desired.actions:
            _missing(at, found, person, account)
    elif rule == "Deactivate" and "Deactivate" in desired.actions:
        _drift(found, DriftKind.EXTRA, person, "account", None, account.user_name)
    else:
        found.provisioned += 1
        if rule == "Provision" and "Update" in desired.actions:
            _differing(desired, found, person, account, lens)


def _failed(at: _Circumstances, found: Arrivals, person: Person) -> None:
    found.failed += 1
    reason = at.failures.get(person.okta_id)
    because = f": {reason}" if reason else "; its System Log has the reason"
    told = f"Okta could not push {shown(person.login)}{because}"
    found.problems.append(Problem("ScimIntegration", at.desired.name, "PushFailed", told, "", person.okta_id))


def _missing(at: _Circumstances, found: Arrivals, person: Person, account: Account | None) -> None:
    """Okta says that it pushed: then it is drift; else it is under way, or nobody has asked it to."""
    if person.app_status in _NOT_YET or not person.external_id:
        found.pending += 1
        found.unpushed += at.creates and person.sync_state == "DISABLED"
    elif account is None:
        _drift(found, DriftKind.MISSING, person, "account", True, None)
    else:
        _drift(found, DriftKind.ACTIVE, person, "active", True, False)


def _differing(desired: Desired, found: Arrivals, person: Person, account: Account, lens: Lens) -> None:
    group_path = desired.group.path if desired.group is not None else ""
    changes = (*identity_changes(desired, person, account), *lens.changes(person, account))
    for change in changes:
        kind = DriftKind.GROUP if change.path == group_path else DriftKind.ATTRIBUTE
        _drift(found, kind, person, change.path, change.after, change.before)
    found.differing += bool(changes)


def _extra(desired: Desired, actual: Actual, memory: Memory, register: Register, found: Arrivals) -> None:
    """Active accounts of people who were assigned once and are no longer."""
    if "Deactivate" not in desired.actions:
        return
    listed = {person.okta_id for person in actual.assignments.people}
    for okta_id in sorted(memory.pairs.keys() - listed):
        account = register.owned(okta_id)
        gone = actual.assignments.missing.get(okta_id) is PersonState.DEACTIVATED
        rule = desired.on_deactivated if gone else desired.on_unassigned
        if account is not None and account.active and rule == "Deactivate":
            name = shown(account.user_name)
            if reason := memory.failures.get(okta_id):
                told = f"Okta could not deactivate {name}: {reason}"
                found.problems.append(
                    Problem("ScimIntegration", desired.name, "PushFailed", told, "", okta_id)
                )
            found.drift.append(DriftItem(DriftKind.EXTRA, "Provider", f"{name} account", None, True, okta_id))


def _drift(
    found: Arrivals, kind: DriftKind, person: Person, what: str, expected: Value, actual: Value
) -> None:
    told = f"{shown(person.login or person.user_name)} {what}"
    found.drift.append(DriftItem(kind, "Provider", told, expected, actual, person.okta_id))
