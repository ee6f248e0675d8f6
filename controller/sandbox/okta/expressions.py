"""Okta's expression language, as far as profile mappings, username formats and group rules use it here.

Called by mappings and assignments. The operator has an evaluator of its own (controller.planning), on
purpose: were it one, client and simulator would agree on the same mistake. Unknown functions are an
ExpressionError.

Source: developer.okta.com/docs/reference/okta-expression-language, read 2026-01.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

_TOKEN = re.compile(
    r"\s*(?:(?P<string>\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*')|(?P<number>\d+(?:\.\d+)?)"
    r"|(?P<name>[A-Za-z_$][\w$]*)|(?P<operator>==|!=|<=|>=|&&|\|\||[-+?:().,!<>\[\]{}]))"
)
_TEMPLATE = re.compile(r"\$\{(?:fn:)?(.*)\}\Z", re.DOTALL)
MAX_LENGTH = 4096


class ExpressionError(Exception):
    """The expression is not one, or asks for what people here do not have."""


Scope = Mapping[str, Any]
Node = Callable[[Scope], Any]


def evaluate(expression: str, scope: Scope) -> Any:
    """The value for `scope`: {"user": profile, "source": profile, "groups": names}. Absent properties are
    None.
    """
    return parse(expression)(scope)


@lru_cache(maxsize=2048)
def parse(expression: str) -> Node:
    """The expression compiled; ExpressionError where it cannot be."""
    if len(expression) > MAX_LENGTH:
        raise ExpressionError("the expression is too long")
    return _Parser(expression).whole()


def template_expression(template: str) -> str:
    """The expression inside a username template: `${fn:toLowerCase(source.email)}` ->
    `String.toLowerCase(source.email)`.
    """
    match = _TEMPLATE.match(template)
    if match is None:
        return template
    inner = match.group(1)
    return "String." + inner if template.startswith("${fn:") else inner


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _before(text: Any, mark: Any) -> str:
    head, found, _ = _text(text).partition(_text(mark))
    return head if found else _text(text)


def _after(text: Any, mark: Any) -> str:
    _, found, tail = _text(text).partition(_text(mark))
    return tail if found else _text(text)


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "String.append": lambda a, b: _text(a) + _text(b),
    "String.join": lambda mark, *parts: _text(mark).join(_text(part) for part in parts),
    "String.len": lambda text: len(_text(text)),
    "String.removeSpaces": lambda text: _text(text).replace(" ", ""),
    "String.replace": lambda text, old, new: _text(text).replace(_text(old), _text(new)),
    "String.replaceFirst": lambda text, old, new: _text(text).replace(_text(old), _text(new), 1),
    "String.stringContains": lambda text, part: _text(part) in _text(text),
    "String.startsWith": lambda text, part: _text(text).startswith(_text(part)),
    "String.substring": lambda text, start, end: _text(text)[int(start) : int(end)],
    "String.substringAfter": _after,
    "String.substringBefore": _before,
    "String.toLowerCase": lambda text: _text(text).lower(),
    "String.toUpperCase": lambda text: _text(text).upper(),
}
FUNCTIONS.update({name.removeprefix("String."): call for name, call in list(FUNCTIONS.items())})


def _member_of(scope: Scope, names: tuple[Any, ...], key: str) -> bool:
    return any(_text(name) in scope.get(key, ()) for name in names)


class _Parser:
    """Recursive descent over the tokens; every method answers a function of the scope."""

    def __init__(self, text: str) -> None:
        self._text, self._tokens, self._at = text, self._split(text), 0

    def _split(self, text: str) -> list[tuple[str, str]]:
        tokens, at = [], 0
        while text[at:].strip():
            match = _TOKEN.match(text, at)
            if match is None:
                raise ExpressionError(f"cannot read {text[at:].strip()[:20]!r}")
            kind = match.lastgroup or ""
            tokens.append((kind, match.group(kind)))
            at = match.end()
        return tokens

    def whole(self) -> Node:
        node = self._ternary()
        if self._at != len(self._tokens):
            raise ExpressionError(f"unexpected {self._tokens[self._at][1]!r}")
        return node

    def _peek(self) -> str:
        return self._tokens[self._at][1] if self._at < len(self._tokens) else ""

    def _take(self, *wanted: str) -> str:
        if self._at < len(self._tokens) and self._tokens[self._at][0] != "string" and self._peek() in wanted:
            self._at += 1
            return self._tokens[self._at - 1][1]
        return ""

    def _expect(self, wanted: str) -> None:
        if not self._take(wanted):
            raise ExpressionError(f"{wanted!r} is missing before {self._peek()!r}")

    def _ternary(self) -> Node:
        test = self._either()
        if not self._take("?"):
            return test
        if self._take(":"):  # `a ?: b` is Elvis
            other = self._ternary()
            return lambda scope: test(scope) or other(scope)
        then = self._ternary()
        self._expect(":")
        otherwise = self._ternary()
        return lambda scope: then(scope) if test(scope) else otherwise(scope)

    def _either(self) -> Node:
        left = self._both()
        while self._take("||", "OR", "or"):
            left = self._or(left, self._both())
        return left

    @staticmethod
    def _or(a: Node, b: Node) -> Node:
        return lambda scope: bool(a(scope)) or bool(b(scope))

    def _both(self) -> Node:
        left = self._comparison()
        while self._take("&&", "AND", "and"):
            left = self._and(left, self._comparison())
        return left

    @staticmethod
    def _and(a: Node, b: Node) -> Node:
        return lambda scope: bool(a(scope)) and bool(b(scope))

    def _comparison(self) -> Node:
        left = self._sum()
        operator = self._take("==", "!=")
        if not operator:
            return left
        right = self._sum()
        if operator == "==":
            return lambda scope: bool(left(scope) == right(scope))
        return lambda scope: bool(left(scope) != right(scope))

    def _sum(self) -> Node:
        left = self._unary()
        while self._take("+"):
            left = self._plus(left, self._unary())
        return left

    @staticmethod
    def _plus(a: Node, b: Node) -> Node:
        def add(scope: Scope) -> Any:
            one, two = a(scope), b(scope)
            both_numbers = isinstance(one, int | float) and isinstance(two, int | float)
            return one + two if both_numbers else _text(one) + _text(two)

        return add

    def _unary(self) -> Node:
        if self._take("!"):
            inner = self._unary()
            return lambda scope: not inner(scope)
        if self._take("("):
            inner = self._ternary()
            self._expect(")")
            return inner
        return self._value()

    def _value(self) -> Node:
        if self._at >= len(self._tokens):
            raise ExpressionError("the expression ends too early")
        kind, text = self._tokens[self._at]
        self._at += 1
        if kind == "string":
            literal = re.sub(r"\\(.)", r"\1", text[1:-1])
            return lambda scope: literal
        if kind == "number":
            number = float(text) if "." in text else int(text)
            return lambda scope: number
        if kind == "name":
            return self._named(text)
        raise ExpressionError(f"unexpected {text!r}")

    def _named(self, first: str) -> Node:
        constants = {"null": None, "true": True, "false": False}
        if first in constants:
            constant = constants[first]
            return lambda scope: constant
        path = [first]
        while self._take("."):
            kind, text = self._tokens[self._at] if self._at < len(self._tokens) else ("", "")
            if kind != "name":
                raise ExpressionError(f"a name is missing after {'.'.join(path)!r}.")
            path.append(text)
            self._at += 1
        if self._take("("):
            return self._call(".".join(path))
        return self._property(path)

    def _property(self, path: list[str]) -> Node:
        if len(path) != 2 or path[0] not in ("user", "source", "appuser", "app", "org"):
            raise ExpressionError(f"{'.'.join(path)!r} is not a property of user or source")
        root, name = path
        return lambda scope: (scope.get(root) or {}).get(name)

    def _call(self, name: str) -> Node:
        arguments: list[Node] = []
        if not self._take(")"):
            arguments.append(self._ternary())
            while self._take(","):
                arguments.append(self._ternary())
            self._expect(")")
        if name in ("isMemberOfGroupName", "isMemberOfAnyGroupName"):
            return lambda scope: _member_of(scope, tuple(node(scope) for node in arguments), "groups")
        if name in ("isMemberOfGroup", "isMemberOfAnyGroup"):
            return lambda scope: _member_of(scope, tuple(node(scope) for node in arguments), "group_ids")
        function = FUNCTIONS.get(name)
        if function is None:
            raise ExpressionError(f"{name!r} is not a known function")
        return lambda scope: _apply(function, name, [node(scope) for node in arguments])


def _apply(function: Callable[..., Any], name: str, values: list[Any]) -> Any:
    try:
        return function(*values)
    except (TypeError, ValueError) as error:
        raise ExpressionError(f"{name} does not take these arguments: {error}") from None
