"""Okta expressions, compiled to closures over the values of a profile.

Called by desired, once for each expression of a spec; planning evaluates the result for every person. What
is not part of Okta's language is refused with the place in the text. What only Okta can tell is UNKNOWN and
never guessed: a wrong guess would be written to people.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from operator import eq, ge, gt, itemgetter, le, lt, ne
from typing import Any

import re2  # no stubs: mypy is told in pyproject.toml

from controller.errors import SpecError, clip
from controller.model.people import UNKNOWN, Unknown, Value
from controller.planning.base.desired import Expression
from controller.planning.desired.expression_functions import (
    FUNCTIONS,
    Undocumented,
    as_place,
    as_text,
    bounded,
)
from controller.planning.desired.expression_syntax import (
    Array,
    Attribute,
    Call,
    Choice,
    Elsewhere,
    Elvis,
    Item,
    Literal,
    Misread,
    Node,
    Operation,
    attributes_in,
    elsewhere_in,
    parse,
    parts_of,
    walk,
)

REASON = "InvalidExpression"
MAX_PATTERN = 200
Part = Callable[[tuple[Any, ...]], Any]
"""From the values of a profile to the value of a part of the expression; raises Undocumented."""


def parse_expression(text: str, field: str, *, only_here: bool = True) -> Node:
    """The tree of `text`. Raises SpecError that quotes the expression and the place; `field` is its path.
    `only_here` refuses what only Okta can evaluate, such as the groups of a person."""
    try:
        node = parse(text)
        for part in walk(node):
            _check(part)
        if _makes_array(node):
            raise Misread(
                0, "the result is an array: take one value with [0], or join it: Arrays.toCsvString"
            )
        outside = elsewhere_in(node)
        if only_here and outside is not None:
            raise Misread(outside.at, _cannot(outside))
    except Misread as error:
        raise SpecError(
            f"{clip(text, 200)!r}, at character {error.at + 1} ({_near(text, error.at)}): {error.fix}",
            field=field,
            reason=REASON,
        ) from None
    return node


def compile_expression(text: str, attributes: Sequence[str], field: str = "") -> Expression:
    """The expression, to be evaluated on profiles in the order of `attributes`, which has every one it reads.
    Raises SpecError as `parse_expression` does."""
    return compile_node(text, parse_expression(text, field), attributes)


def compile_node(text: str, node: Node, attributes: Sequence[str]) -> Expression:
    """The same for a tree that was parsed already."""
    places = {name: place for place, name in enumerate(attributes)}
    position = places[node.name] if isinstance(node, Attribute) else None
    outside = elsewhere_in(node)
    if outside is not None:
        return Expression(text, attributes_in(node), lambda profile: UNKNOWN, None, outside.needs)
    compiled = _compile(node, places)
    return Expression(
        text, attributes_in(node), compiled if position is not None else _known(compiled), position
    )


def _known(part: Part) -> Callable[[tuple[Value, ...]], Value | Unknown]:
    """The value of a whole expression; UNKNOWN if Okta's documentation does not tell it, or an array."""

    def evaluate(profile: tuple[Value, ...]) -> Value | Unknown:
        try:
            value = part(profile)
        except (Undocumented, OverflowError):
            return UNKNOWN
        return UNKNOWN if isinstance(value, tuple) else value

    return evaluate


def _cannot(outside: Elsewhere) -> str:
    return (
        f"{outside.what} needs {outside.needs}, so it cannot be evaluated here; only Okta can, with "
        "provisioning.by: Okta"
    )


def _near(text: str, at: int) -> str:
    part = text[at : at + 12]
    return f"near {part!r}" if part else "at its end"


def _check(node: Node) -> None:
    """Raises Misread for an unknown function, a wrong number of arguments, or a pattern that is none."""
    match node:
        case Call(name, arguments, at):
            _check_call(name, len(arguments), at)
        case Operation("matches", _, right, at):
            _check_pattern(right, at)


def _check_call(name: str, count: int, at: int) -> None:
    signature = FUNCTIONS.get(name)
    if signature is None:
        known = ", ".join(sorted(FUNCTIONS))
        raise Misread(at, f"the function {name} is outside the subset, which has {known}")
    too_many = signature.most is not None and count > signature.most
    is_odd = name == "String.stringSwitch" and count % 2
    if count < signature.least or too_many or is_odd:
        raise Misread(at, f"write {name}({signature.shape})")


def _check_pattern(pattern: Node | None, at: int) -> None:
    if not isinstance(pattern, Literal) or not isinstance(pattern.value, str):
        raise Misread(at, "the pattern of matches is a text in quotes")
    if len(pattern.value) > MAX_PATTERN:
        raise Misread(at, f"a pattern has at most {MAX_PATTERN} characters")
    try:
        _pattern(pattern.value)
    except re2.error:
        raise Misread(
            at, "the pattern is none, or needs what takes unbounded time (groups looked back at)"
        ) from None


def _pattern(text: str) -> Any:
    """Compiled by RE2, whose time is in proportion to the text whatever the pattern."""
    options = re2.Options()
    options.log_errors = False
    options.max_mem = 1 << 20
    return re2.compile(text, options)


def _makes_array(node: Node) -> bool:
    match node:
        case Array():
            return True
        case Call(name, _, _):
            return FUNCTIONS[name].makes_array
        case Choice(_, yes, no):
            return _makes_array(yes) or _makes_array(no)
        case Elvis(value, other):
            return _makes_array(value) or _makes_array(other)
        case _:
            return False


def _compile(node: Node, places: Mapping[str, int]) -> Part:
    match node:
        case Literal(value):
            return lambda profile: value
        case Attribute(name):
            return itemgetter(places[name])
        case Call(name, arguments, _):
            return _compile_call(name, [_compile(argument, places) for argument in arguments])
        case Operation():
            return _compile_operation(node, places)
        case _:
            return _compile_structure(node, [_compile(part, places) for part in parts_of(node)])


def _compile_structure(node: Node, parts: Sequence[Part]) -> Part:
    match node:
        case Array():
            return lambda profile: tuple([part(profile) for part in parts])
        case Item():
            return _compile_item(*parts)
        case Choice():
            return _compile_choice(*parts)
        case _:
            return _compile_elvis(*parts)


def _compile_item(array: Part, place: Part) -> Part:
    """array[place], or the letter of a text there (SpEL)."""

    def evaluate(profile: tuple[Any, ...]) -> Any:
        items, at = array(profile), as_place(place(profile))
        if not isinstance(items, str | tuple) or not 0 <= at < len(items):
            raise Undocumented(items)
        return items[at]

    return evaluate


def _compile_call(name: str, arguments: Sequence[Part]) -> Part:
    call = FUNCTIONS[name].call
    return lambda profile: bounded(call(*[argument(profile) for argument in arguments]))


def _compile_choice(condition: Part, yes: Part, no: Part) -> Part:
    return lambda profile: yes(profile) if is_true(condition(profile)) else no(profile)


def _compile_elvis(value: Part, other: Part) -> Part:
    def evaluate(profile: tuple[Any, ...]) -> Any:
        found = value(profile)
        return other(profile) if found is None or found == "" else found

    return evaluate


def _compile_match(left: Part, pattern: Any) -> Part:
    return lambda profile: pattern.fullmatch(as_text(left(profile))) is not None


def _compile_sign(operator: str, value: Part) -> Part:
    if operator == "!":
        return lambda profile: not is_true(value(profile))
    return lambda profile: _finite(-_number(value(profile)))


def _compile_operation(node: Operation, places: Mapping[str, int]) -> Part:
    left, operator = _compile(node.left, places), node.operator
    if node.right is None:
        return _compile_sign(operator, left)
    if operator == "matches":
        assert isinstance(node.right, Literal)
        return _compile_match(left, _pattern(str(node.right.value)))
    right = _compile(node.right, places)
    if operator == "&&":
        return lambda profile: is_true(left(profile)) and is_true(right(profile))
    if operator == "||":
        return lambda profile: is_true(left(profile)) or is_true(right(profile))
    if operator in _ARITHMETIC:
        calculate = _ARITHMETIC[operator]
        return lambda profile: calculate(left(profile), right(profile))
    compare = _COMPARISONS[operator]
    return lambda profile: _compare(compare, left(profile), right(profile))


_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "==": eq,
    "!=": ne,
    "<": lt,
    "<=": le,
    ">": gt,
    ">=": ge,
}


def is_true(value: Any) -> bool:
    """Whether a condition holds: true, or the text "true" of a boolean that was read as a text."""
    if value is None or isinstance(value, bool):
        return value is True
    if value in ("true", "false"):
        return bool(value == "true")
    raise Undocumented(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _number(value: Any) -> Any:
    if _is_number(value):
        return value
    raise Undocumented(value)


def _finite(value: int | float) -> int | float:
    """`value` within what Java holds: beyond an int it would wrap around."""
    if isinstance(value, int) and not -(2**31) <= value < 2**31:
        raise Undocumented(value)
    if not math.isfinite(value):
        raise Undocumented(value)
    return value


def _add(left: Any, right: Any) -> Any:
    """Numbers add up; everything else is joined, which with null is not documented."""
    if _is_number(left) and _is_number(right):
        return _finite(left + right)
    if isinstance(left, str) or isinstance(right, str):
        return bounded(as_text(left) + as_text(right))
    raise Undocumented(left)


def _divide(left: Any, right: Any) -> Any:
    """A quotient; of whole numbers a whole one, cut towards zero as Java does."""
    one, other = _number(left), _number(right)
    if other == 0:
        raise Undocumented(other)
    if isinstance(one, int) and isinstance(other, int):
        size = abs(one) // abs(other)
        return _finite(size if (one < 0) == (other < 0) else -size)
    return _finite(one / other)


def _remainder(left: Any, right: Any) -> Any:
    """What a division leaves, with the sign of the dividend as in Java."""
    one, other = _number(left), _number(right)
    if other == 0:
        raise Undocumented(other)
    rest = math.fmod(one, other)
    return int(rest) if isinstance(one, int) and isinstance(other, int) else rest


_ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "+": _add,
    "-": lambda left, right: _finite(_number(left) - _number(right)),
    "*": lambda left, right: _finite(_number(left) * _number(right)),
    "/": _divide,
    "%": _remainder,
}


def _compare(compare: Callable[[Any, Any], bool], left: Any, right: Any) -> bool:
    """Texts with texts, numbers with numbers, booleans with booleans; null is less than everything (SpEL).
    What a text is to a number is not documented."""
    if left is None or right is None:
        return compare(left is not None, right is not None)
    is_alike = (_is_number(left) and _is_number(right)) or type(left) is type(right)
    if not is_alike or isinstance(left, tuple):
        raise Undocumented(left)
    return compare(left, right)
