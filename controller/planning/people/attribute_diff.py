"""What an account should hold for a person, field by field, and where it differs.

Called by people. A `Lens` is compiled once for each user type, so that a person who is up to date costs one
tuple and one comparison; only where that fails are the fields looked at one by one.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from operator import itemgetter

from controller.model.actual import Memory
from controller.model.people import UNKNOWN, Account, OktaId, Person, Unknown, Value
from controller.names import fold
from controller.planning.base.desired import Desired, Expression
from controller.planning.base.wording import shown, text

USER_NAME, ACTIVE, EXTERNAL_ID = "userName", "active", "externalId"
_FOLDED = frozenset({"emails[primary]", USER_NAME})
"""Addresses are canonicalised by the provider (RFC 7643 s4.1.2), user names are compared without case."""

Profile = tuple[Value, ...]


def same(path: str, one: Value, other: Value) -> bool:
    """Whether two values of `path` mean the same to a SCIM provider."""
    left, right = text(one), text(other)
    if left == right or left is None or right is None:
        return left == right
    return path in _FOLDED and fold(left) == fold(right)


@dataclass(frozen=True, slots=True)
class Field:
    """One value of an account: where it lies, how it is computed, what a reader calls its source."""

    path: str
    index: int
    expression: Expression
    always: bool

    @property
    def source(self) -> str:
        """`department` for `user.department`, else the path."""
        plain = self.expression.text.strip()
        return plain.removeprefix("user.") if self.expression.position is not None else self.path


@dataclass(frozen=True, slots=True)
class Change:
    """One field that differs."""

    path: str
    before: Value
    after: Value
    source: str


@dataclass(frozen=True, slots=True)
class Lens:
    """The fields of one user type. `expected(profile) == seen(values)` says that nothing differs."""

    fields: tuple[Field, ...]
    expected: Callable[[Profile], tuple[Value | Unknown, ...]]
    seen: Callable[[Profile], Profile] | None
    """None where `expected` yields every path in order."""
    group: Callable[[Profile], Value] | None

    def creation(self, person: Person) -> tuple[Change, ...]:
        """Every field that has a value."""
        made = ((field, _told(field.expression, person)) for field in self.fields)
        return tuple(Change(f.path, None, value, f.source) for f, value in made if value is not None)

    def unknown(self, person: Person) -> tuple[Field, ...]:
        """The fields whose value for `person` only Okta can tell, though their expression is evaluated."""
        return tuple(
            field
            for field in self.fields
            if not field.expression.needs and field.expression.evaluate(person.profile) is UNKNOWN
        )

    def changes(self, person: Person, account: Account) -> tuple[Change, ...]:
        """The fields that are always pushed and differ."""
        found = []
        for field in self.fields:
            expected = field.expression.evaluate(person.profile)
            actual = account.values[field.index]
            if isinstance(expected, Unknown) or not field.always:
                continue
            if not same(field.path, expected, actual):
                found.append(Change(field.path, actual, text(expected), field.source))
        return tuple(found)


def build_lenses(desired: Desired, user_types: Mapping[str, str]) -> Callable[[str], Lens]:
    """From a user type's id to its lens; people of a type that no source names get the default one."""
    sources = desired.group.sources if desired.group is not None else {}
    lenses = {
        type_id: _lens(desired, sources.get(name) or sources.get("default"))
        for type_id, name in user_types.items()
        if name in sources
    }
    default = _lens(desired, sources.get("default"))
    return lambda type_id: lenses.get(type_id, default)


def _lens(desired: Desired, group: Expression | None) -> Lens:
    fields = [Field(a.path, a.index, a.expression, a.always) for a in desired.attributes]
    if desired.group is not None and group is not None and desired.group.path:
        fields.append(Field(desired.group.path, desired.group.index, group, always=True))
    always = sorted((field for field in fields if field.always), key=lambda field: field.index)
    indices = [field.index for field in always]
    is_whole = indices == list(range(len(desired.reads.paths)))
    return Lens(
        tuple(fields),
        _evaluator([field.expression for field in always]),
        None if is_whole else _getter(indices),
        _group_value(group) if group is not None else None,
    )


def _group_value(expression: Expression) -> Callable[[Profile], Value]:
    """The value of the group attribute; None too if only Okta can tell it."""

    def evaluate(profile: Profile) -> Value:
        value = expression.evaluate(profile)
        return None if isinstance(value, Unknown) else value

    return evaluate if expression.position is None else expression.evaluate  # type: ignore[return-value]


def _told(expression: Expression, person: Person) -> str | None:
    value = expression.evaluate(person.profile)
    return None if isinstance(value, Unknown) else text(value)


def _getter(indices: list[int]) -> Callable[[Profile], Profile]:
    if not indices:
        return lambda values: ()
    if len(indices) == 1:
        only = indices[0]
        return lambda values: (values[only],)
    return itemgetter(*indices)


def _evaluator(expressions: list[Expression]) -> Callable[[Profile], tuple[Value | Unknown, ...]]:
    positions = [expression.position for expression in expressions]
    plain = [position for position in positions if position is not None]
    if len(plain) == len(positions):
        return _getter(plain)
    evaluates = [expression.evaluate for expression in expressions]
    return lambda profile: tuple([evaluate(profile) for evaluate in evaluates])


def identity_changes(desired: Desired, person: Person, account: Account) -> tuple[Change, ...]:
    """userName, and externalId where the provider keeps one, as far as they differ."""
    found = []
    if desired.profile.keeps_external_id and account.external_id != person.okta_id:
        found.append(Change(EXTERNAL_ID, account.external_id or None, person.okta_id, EXTERNAL_ID))
    if person.user_name and fold(account.user_name) != fold(person.user_name):
        found.append(Change(USER_NAME, account.user_name, person.user_name, USER_NAME))
    return tuple(found)


def confirmed_hash(account: Account) -> int:
    """32 bits that stand for everything that was read of `account`; never 0. A difference that they miss is
    taken for a change in Okta instead of an edit by hand, and corrected all the same."""
    read = repr((account.external_id, account.user_name, account.active, account.values))
    return zlib.crc32(read.encode("utf-8", "surrogatepass")) or 1


def paths_key(paths: tuple[str, ...]) -> str:
    """Tells whether two readings of accounts have the same attributes in the same order."""
    return f"{zlib.crc32(repr(paths).encode()):08x}"


def comparable(memory: Memory, desired: Desired) -> Mapping[OktaId, int]:
    """The hashes that `memory` has; none where other attributes are read since, so that nothing compares."""
    is_same = memory.confirmed_paths in ("", paths_key(desired.reads.paths))
    return memory.confirmed if is_same else {}


def reworded(changes: tuple[Change, ...], *, edited: bool, known: bool) -> str:
    """Why an account is changed, in one sentence. `edited`: not by us and not in Okta; `known`: we know
    which."""
    first = changes[0]
    if not known:
        told = f"{first.source} is {shown(first.after)} in Okta, {shown(first.before)} at the provider"
    elif edited:
        told = f"{first.path} was changed at the provider by hand"
    else:
        told = f"{first.source} is now {shown(first.after)} in Okta"
    more = len(changes) - 1
    return told + (f", and {more} more" if more else "")


def owner_of(account: Account) -> OktaId:
    """The Okta id that `account` carries."""
    return OktaId(account.external_id)
