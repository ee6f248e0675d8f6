"""Okta expressions of a safe subset, compiled to closures over the values of a profile.

Called by desired, once for each expression of a spec; diff evaluates the result for every person. Whatever
the subset does not have is refused with the place in the text, never guessed: a wrong guess would be
written to people.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import isfinite
from operator import add, eq, ge, gt, itemgetter, le, lt, ne, sub
from typing import Any

from controller.errors import SpecError, clip
from controller.model.people import Value
from controller.planning.expression_functions import FUNCTIONS, MAX_RESULT, as_text
from controller.planning.expression_syntax import (
    Attribute,
    Call,
    Choice,
    Literal,
    Misread,
    Node,
    Operation,
    attributes_in,
    parse,
)
from controller.planning.wish import Evaluate, Expression

REASON = "InvalidExpression"


def parse_expression(text: str, field: str) -> Node:
    """The tree of `text`. Raises SpecError that quotes the expression and the place; `field` is its path."""
    try:
        node = parse(text)
        _check(node)
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
    return Expression(text, attributes_in(node), _compile(node, places), position)


def _near(text: str, at: int) -> str:
    part = text[at : at + 12]
    return f"near {part!r}" if part else "at its end"


def _check(node: Node) -> None:
    """Raises Misread for an unknown function or a wrong number of arguments, anywhere in the tree."""
    match node:
        case Call(name, arguments, at):
            _check_call(name, len(arguments), at)
            for argument in arguments:
                _check(argument)
        case Operation(_, left, right):
            _check(left)
            if right is not None:
                _check(right)
        case Choice(condition, yes, no):
            for part in (condition, yes, no):
                _check(part)
        case _:
            return


def _check_call(name: str, count: int, at: int) -> None:
    signature = FUNCTIONS.get(name)
    if signature is None:
        known = ", ".join(sorted(FUNCTIONS))
        raise Misread(at, f"the function {name} is outside the subset, which has {known}")
    too_many = signature.most is not None and count > signature.most
    is_odd = name == "String.stringSwitch" and count % 2
    if count < signature.least or too_many or is_odd:
        raise Misread(at, f"write {name}({signature.shape})")


def _compile(node: Node, places: Mapping[str, int]) -> Evaluate:
    match node:
        case Literal(value):
            return lambda profile: value
        case Attribute(name):
            return itemgetter(places[name])
        case Call(name, arguments, _):
            return _compile_call(name, [_compile(argument, places) for argument in arguments])
        case Choice(condition, yes, no):
            return _compile_choice(_compile(condition, places), _compile(yes, places), _compile(no, places))
        case _:
            first = _compile(node.left, places)
            if node.right is None:
                return lambda profile: not is_true(first(profile))
            return _compile_operation(node.operator, first, _compile(node.right, places))


def _compile_call(name: str, arguments: Sequence[Evaluate]) -> Evaluate:
    call = FUNCTIONS[name].call

    def evaluate(profile: tuple[Value, ...]) -> Value:
        result = call(*[argument(profile) for argument in arguments])
        return result[:MAX_RESULT] if isinstance(result, str) else result

    return evaluate


def _compile_choice(condition: Evaluate, yes: Evaluate, no: Evaluate) -> Evaluate:
    return lambda profile: yes(profile) if is_true(condition(profile)) else no(profile)


def _compile_operation(operator: str, left: Evaluate, right: Evaluate) -> Evaluate:
    if operator == "&&":
        return lambda profile: is_true(left(profile)) and is_true(right(profile))
    if operator == "||":
        return lambda profile: is_true(left(profile)) or is_true(right(profile))
    if operator == "+":
        return lambda profile: _add(left(profile), right(profile))
    if operator == "-":
        return lambda profile: _subtract(left(profile), right(profile))
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


def is_true(value: Value) -> bool:
    """Whether a condition holds: true, or the text "true" of a boolean that was read as a text."""
    return value is True or value == "true"


def _is_number(value: Value) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _add(left: Value, right: Value) -> Value:
    """Numbers add up; everything else is joined. Two nulls stay null."""
    if left is None and right is None:
        return None
    if _is_number(left) and _is_number(right):
        return _finite(add, left, right)
    return (as_text(left) + as_text(right))[:MAX_RESULT]


def _subtract(left: Value, right: Value) -> Value:
    """A difference of numbers; null where one is none."""
    return _finite(sub, left, right) if _is_number(left) and _is_number(right) else None


def _finite(operate: Callable[[Any, Any], Any], left: Value, right: Value) -> Value:
    """The result on two numbers; null where it is no number that JSON can carry."""
    try:
        value: int | float = operate(left, right)
    except OverflowError:
        return None
    return value if isinstance(value, int) or isfinite(value) else None


def _compare(compare: Callable[[Any, Any], bool], left: Value, right: Value) -> bool:
    """Texts with texts and numbers with numbers, in their order; null is less than everything (SpEL)."""
    if compare in (eq, ne) or (_is_number(left) and _is_number(right)):
        return compare(left, right)
    if left is None or right is None:
        return compare(left is not None, right is not None)
    return compare(as_text(left), as_text(right))
