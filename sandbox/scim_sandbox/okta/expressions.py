"""Okta's expression language as profile mappings, username formats and group rules use it.

Called by mappings, assignments and directory. The operator has an evaluator of its own
(controller.planning), on purpose: if it were one, client and simulator would agree on the same mistake. What
Okta's documentation leaves open is Undetermined. A parsed expression is a tuple: (operation, operands ...).

Source: developer.okta.com/docs/reference/okta-expression-language, read 2026-11; docs.spring.io, SpEL.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from scim_sandbox.okta.expression_functions import (
    FUNCTIONS,
    ExpressionError,
    Undetermined,
    text_of,
    truth_of,
)

__all__ = ["ExpressionError", "Scope", "Undetermined", "evaluate", "parse", "template_expression"]

_LEXEMES = re.compile(
    r"(?P<blank>\s+)|(?P<quoted>\"(?:\"\"|[^\"])*\"|'(?:''|[^'])*')|(?P<number>\d+(?:\.\d+)?[lL]?)"
    r"|(?P<word>[A-Za-z_$][\w$]*)|(?P<sign>\?[.:]|[=!<>]=|&&|\|\||[-+*/%?:().,!<>\[\]{}])"
)
_TEMPLATE = re.compile(r"\$\{(?:fn:)?(.*)\}\Z", re.DOTALL)
_TEXTUAL = {"EQ": "==", "NE": "!=", "LT": "<", "LE": "<=", "GT": ">", "GE": ">=", "DIV": "/", "MOD": "%"}
_BINDING = (
    ("||", "OR"),
    ("&&", "AND"),
    ("==", "!=", "<", ">", "<=", ">=", "MATCHES"),
    ("+", "-"),
    ("*", "/", "%"),
)
"""Operators from the loosest level to the tightest."""
_PROFILES = ("user", "source", "appuser", "app", "org")
MAX_LENGTH = 4096

Scope = Mapping[str, Any]
Tree = tuple[Any, ...]


def evaluate(expression: str, scope: Scope) -> Any:
    """The value for `scope`: {"user": profile, "source": profile, "groups": names}. Absent properties are
    None. Raises ExpressionError, Undetermined if Okta documents no result."""
    value = _value(parse(expression), scope)
    if isinstance(value, list):
        raise Undetermined("an array where one value is expected")
    return value


@lru_cache(maxsize=2048)
def parse(expression: str) -> Tree:
    """The expression as a tree; ExpressionError if it is none."""
    if len(expression) > MAX_LENGTH:
        raise ExpressionError("the expression is too long")
    return _Reader(expression).whole()


def template_expression(template: str) -> str:
    """The expression inside a username template: `${fn:toLowerCase(source.email)}` ->
    `String.toLowerCase(source.email)`.
    """
    match = _TEMPLATE.match(template)
    if match is None:
        return template
    inner = match.group(1)
    return "String." + inner if template.startswith("${fn:") else inner


def _lexemes(text: str) -> Iterator[tuple[str, str]]:
    at = 0
    while at < len(text):
        match = _LEXEMES.match(text, at)
        if match is None:
            raise ExpressionError(f"cannot read {text[at : at + 20]!r}")
        at = match.end()
        if match.lastgroup != "blank":
            yield match.lastgroup or "", match.group()


class _Reader:
    """Precedence climbing over the lexemes."""

    def __init__(self, text: str) -> None:
        self._left = list(_lexemes(text))[::-1]
        self._depth = 0

    def whole(self) -> Tree:
        tree = self._expression()
        if self._left:
            raise ExpressionError(f"unexpected {self._left[-1][1]!r}")
        return tree

    def _is(self, *signs: str) -> str:
        """The next lexeme if it is one of `signs`; words in any case."""
        if not self._left or self._left[-1][0] not in ("sign", "word"):
            return ""
        kind, text = self._left[-1]
        found = text if kind == "sign" else text.upper()
        found = _TEXTUAL.get(found, found)
        return found if found in signs else ""

    def _accept(self, *signs: str) -> str:
        found = self._is(*signs)
        if found:
            self._left.pop()
        return found

    def _demand(self, sign: str) -> None:
        if not self._accept(sign):
            raise ExpressionError(f"{sign!r} is missing before {self._left[-1][1] if self._left else ''!r}")

    def _expression(self) -> Tree:
        self._depth += 1
        if self._depth > 100:
            raise ExpressionError("the expression is nested too deeply")
        tree = self._level(0)
        if self._accept("?:"):
            tree = ("elvis", tree, self._expression())
        elif self._accept("?"):
            then = self._expression()
            self._demand(":")
            tree = ("choose", tree, then, self._expression())
        self._depth -= 1
        return tree

    def _level(self, level: int) -> Tree:
        if level == len(_BINDING):
            return self._prefixed()
        tree = self._level(level + 1)
        while operator := self._accept(*_BINDING[level]):
            tree = ("binary", operator, tree, self._level(level + 1))
            if level == 2:
                break  # comparisons do not chain
        return tree

    def _prefixed(self) -> Tree:
        sign = self._accept("!", "NOT", "-", "+")
        if not sign:
            return self._indexed(self._primary())
        inner = self._prefixed()
        return inner if sign == "+" else ("not" if sign in ("!", "NOT") else "minus", inner)

    def _indexed(self, tree: Tree) -> Tree:
        while self._accept("["):
            tree = ("index", tree, self._expression())
            self._demand("]")
        return tree

    def _primary(self) -> Tree:
        if self._accept("("):
            tree = self._expression()
            self._demand(")")
            return tree
        if self._accept("{"):
            return ("array", *self._until("}"))
        if not self._left:
            raise ExpressionError("the expression ends too early")
        kind, text = self._left.pop()
        if kind == "quoted":
            return ("constant", text[1:-1].replace(text[0] * 2, text[0]))
        if kind == "number":
            return ("constant", float(text) if "." in text else int(text.rstrip("lL")))
        if kind == "word":
            return self._named(text)
        raise ExpressionError(f"unexpected {text!r}")

    def _named(self, first: str) -> Tree:
        if first.lower() in ("null", "true", "false") and not self._is(".", "?."):
            return ("constant", {"null": None, "true": True, "false": False}[first.lower()])
        if first in _PROFILES and self._accept("["):
            key = self._expression()
            self._demand("]")
            if key[0] != "constant" or not isinstance(key[1], str):
                raise ExpressionError(f"{first} takes the name of a property in quotes")
            return ("property", first, key[1])
        path = [first]
        while self._accept(".", "?."):
            kind, text = self._left.pop() if self._left else ("", "")
            if kind != "word":
                raise ExpressionError(f"a name is missing after {'.'.join(path)!r}.")
            path.append(text)
        if self._accept("("):
            return self._call(".".join(path), self._until(")"))
        if len(path) != 2 or first not in _PROFILES:
            raise ExpressionError(f"{'.'.join(path)!r} is not a property of user or source")
        return ("property", *path)

    def _call(self, name: str, arguments: tuple[Tree, ...]) -> Tree:
        if name in _MEMBERSHIPS:
            return ("member", name, *arguments)
        full = name if "." in name else f"String.{name}"
        if full not in FUNCTIONS:
            raise ExpressionError(f"{name!r} is not a known function")
        return ("call", full, *arguments)

    def _until(self, end: str) -> tuple[Tree, ...]:
        found: list[Tree] = []
        while not self._accept(end):
            if found:
                self._demand(",")
            found.append(self._expression())
        return tuple(found)


_MEMBERSHIPS = {
    "isMemberOfGroupName": "groups",
    "isMemberOfAnyGroupName": "groups",
    "isMemberOfGroup": "group_ids",
    "isMemberOfAnyGroup": "group_ids",
}


def _value(tree: Tree, scope: Scope) -> Any:
    """The value of `tree`; operands are evaluated only when they are needed."""
    operation, *operands = tree
    return _OPERATIONS[operation](operands, scope)


def _index(operands: list[Any], scope: Scope) -> Any:
    whole, at = (_value(operand, scope) for operand in operands)
    if isinstance(whole, str | list) and isinstance(at, int) and 0 <= at < len(whole):
        return whole[at]
    raise Undetermined("a place that is not there")


def _choose(operands: list[Any], scope: Scope) -> Any:
    test, then, otherwise = operands
    return _value(then if truth_of(_value(test, scope)) else otherwise, scope)


def _elvis(operands: list[Any], scope: Scope) -> Any:
    value = _value(operands[0], scope)
    return _value(operands[1], scope) if value in (None, "") else value


def _call_function(operands: list[Any], scope: Scope) -> Any:
    name, *arguments = operands
    values = [_value(argument, scope) for argument in arguments]
    try:
        return FUNCTIONS[name](*values)
    except (TypeError, ValueError) as error:
        raise ExpressionError(f"{name} does not take these arguments: {error}") from None


def _member(operands: list[Any], scope: Scope) -> Any:
    name, *arguments = operands
    named = [_value(argument, scope) for argument in arguments]
    return any(each in scope.get(_MEMBERSHIPS[name], ()) for each in named)


def _negative(operands: list[Any], scope: Scope) -> Any:
    return _arithmetic("-", 0, _value(operands[0], scope))


def _binary(operands: list[Any], scope: Scope) -> Any:
    operator, one, two = operands
    left = _value(one, scope)
    if operator in ("||", "OR"):
        return truth_of(left) or truth_of(_value(two, scope))
    if operator in ("&&", "AND"):
        return truth_of(left) and truth_of(_value(two, scope))
    right = _value(two, scope)
    if operator == "MATCHES":
        return re.fullmatch(str(right), text_of(left)) is not None
    if operator in ("+", "-", "*", "/", "%"):
        return _arithmetic(operator, left, right)
    return _compared(operator, left, right)


def _is_numeric(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _arithmetic(operator: str, left: Any, right: Any) -> Any:
    if not (_is_numeric(left) and _is_numeric(right)):
        if operator == "+" and (isinstance(left, str) or isinstance(right, str)):
            return text_of(left) + text_of(right)
        raise Undetermined(f"{operator} between what are no numbers")
    whole = isinstance(left, int) and isinstance(right, int)
    try:
        result = _calculated(operator, left, right, whole)
    except (ZeroDivisionError, OverflowError):
        raise Undetermined("a division by zero, or too large a number") from None
    if whole and abs(result) > 2**31 - 1:
        raise Undetermined("a number beyond 32 bits")
    return result


def _calculated(operator: str, left: Any, right: Any, whole: bool) -> Any:
    if operator == "+":
        return left + right
    if operator == "-":
        return left - right
    if operator == "*":
        return left * right
    if operator == "/":
        return int(left / right) if whole else left / right
    return left - right * int(left / right)


def _compared(operator: str, left: Any, right: Any) -> bool:
    if left is None or right is None:
        rank = int(left is not None) - int(right is not None)
    elif isinstance(left, list) or isinstance(right, list):
        raise Undetermined("a comparison of arrays")
    elif _is_numeric(left) != _is_numeric(right) or isinstance(left, str) != isinstance(right, str):
        raise Undetermined("a comparison between a number and a text")
    else:
        rank = (left > right) - (left < right)
    return {
        "==": rank == 0, "!=": rank != 0, "<": rank < 0, "<=": rank <= 0, ">": rank > 0, ">=": rank >= 0
    }[operator]  # fmt: skip


_OPERATIONS: dict[str, Callable[[list[Any], Scope], Any]] = {
    "constant": lambda operands, scope: operands[0],
    "property": lambda operands, scope: (scope.get(operands[0]) or {}).get(operands[1]),
    "array": lambda operands, scope: [_value(operand, scope) for operand in operands],
    "index": _index,
    "choose": _choose,
    "elvis": _elvis,
    "call": _call_function,
    "member": _member,
    "not": lambda operands, scope: not truth_of(_value(operands[0], scope)),
    "minus": _negative,
    "binary": _binary,
}
