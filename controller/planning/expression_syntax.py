"""From the text of an Okta expression to a tree, for the safe subset that `expression` compiles.

Called by expression only. Okta's language is a subset of the Spring Expression Language (developer.okta.com,
"Expression Language Overview", read 2026-11-23); here it is read without evaluating anything.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from controller.model.people import Value
from controller.parsing import finite_number

MAX_DEPTH = 40
MAX_LENGTH = 1024
MAX_PARTS = 200
"""Values and operators in one expression; deeper trees than this nobody writes by hand."""


class Misread(Exception):
    """`at` is the place in the text, from 0; `fix` what is wrong and what to write."""

    def __init__(self, at: int, fix: str) -> None:
        self.at, self.fix = at, fix
        super().__init__(fix)


@dataclass(frozen=True, slots=True)
class Literal:
    """A text, a number, true, false or null."""

    value: Value


@dataclass(frozen=True, slots=True)
class Attribute:
    """user.<name>"""

    name: str


@dataclass(frozen=True, slots=True)
class Call:
    """String.<name>(...)"""

    name: str
    arguments: tuple[Node, ...]
    at: int


@dataclass(frozen=True, slots=True)
class Operation:
    """`left operator right`; `!` has the left side only."""

    operator: str
    left: Node
    right: Node | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    """condition ? yes : no"""

    condition: Node
    yes: Node
    no: Node


Node = Literal | Attribute | Call | Operation | Choice


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    at: int


_TOKENS = re.compile(
    r"""(?P<space>\s+)
      | (?P<text>"(?:[^"\\]|\\.)*"|'(?:[^']|'')*')
      | (?P<number>[0-9]+(?:\.[0-9]+)?)
      | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
      | (?P<sign>==|!=|<=|>=|&&|\|\||[-+<>!?:().,])""",
    re.VERBOSE,
)
_WORDS = {"AND": "&&", "and": "&&", "OR": "||", "or": "||", "NOT": "!", "not": "!", "eq": "==", "ne": "!="}
_CONSTANTS: dict[str, Value] = {
    "true": True, "TRUE": True, "false": False, "FALSE": False, "null": None, "NULL": None,
}  # fmt: skip
_ELSEWHERE = {
    "appuser": "the app user is what is being written; read user.<attribute>",
    "source": "write user.<attribute>",
    "idpuser": "an identity provider's profile is not there when accounts are provisioned; read "
    "user.<attribute>",
    "session": "there is no session when accounts are provisioned; read user.<attribute>",
    "app": "properties of the app are not read; write the text itself",
    "org": "properties of the org are not read; write the text itself",
}


def parse(text: str) -> Node:
    """The tree of `text`. Raises Misread with the place and what to write."""
    if len(text) > MAX_LENGTH:
        raise Misread(MAX_LENGTH, f"an expression has at most {MAX_LENGTH} characters")
    tokens = list(_tokens(text))
    if len(tokens) > MAX_PARTS:
        raise Misread(tokens[MAX_PARTS].at, f"an expression has at most {MAX_PARTS} parts")
    parser = _Parser(tokens, len(text))
    tree = parser.choice()
    parser.expect_end()
    return tree


def attributes_in(node: Node) -> frozenset[str]:
    """Names of the user attributes that `node` reads."""
    match node:
        case Attribute(name):
            return frozenset({name})
        case Call(_, arguments, _):
            return frozenset().union(*map(attributes_in, arguments))
        case Operation(_, left, right):
            return attributes_in(left) | (attributes_in(right) if right is not None else frozenset())
        case Choice(condition, yes, no):
            return attributes_in(condition) | attributes_in(yes) | attributes_in(no)
        case _:
            return frozenset()


def _tokens(text: str) -> Iterator[_Token]:
    at = 0
    while at < len(text):
        found = _TOKENS.match(text, at)
        if found is None:
            raise Misread(at, _unreadable(text[at]))
        kind = str(found.lastgroup)
        if kind == "name" and found.group() in _WORDS:
            yield _Token("sign", _WORDS[found.group()], at)
        elif kind != "space":
            yield _Token(kind, found.group(), at)
        at = found.end()


def _unreadable(character: str) -> str:
    if character in "\"'":
        return "this text has no closing quote"
    if character in "{[":
        return "arrays are outside the subset"
    return f"{character!r} is not understood here"


def _number(token: _Token) -> Literal:
    number = finite_number(token.text)
    if number is None:
        raise Misread(token.at, "a number has at most 15 digits before its point and 15 after it")
    return Literal(number if "." in token.text else int(number))


def _unquoted(token: str) -> str:
    if token[0] == "'":
        return token[1:-1].replace("''", "'")
    return re.sub(r"\\(.)", r"\1", token[1:-1])


class _Parser:
    """Recursive descent; each method reads one level of binding, the loosest first."""

    def __init__(self, tokens: list[_Token], end: int) -> None:
        self._tokens, self._place, self._end, self._depth = tokens, 0, end, 0

    def choice(self) -> Node:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise Misread(self._at(), f"more than {MAX_DEPTH} levels of brackets and choices")
        condition = self._either()
        if self._take("?"):
            yes = self.choice()
            self._expect(":", "a choice is written: condition ? value : other value")
            condition = Choice(condition, yes, self.choice())
        self._depth -= 1
        return condition

    def expect_end(self) -> None:
        if self._place < len(self._tokens):
            raise Misread(self._at(), f"{self._tokens[self._place].text!r} is not expected here")

    def _either(self) -> Node:
        left = self._both()
        while self._take("||"):
            left = Operation("||", left, self._both())
        return left

    def _both(self) -> Node:
        left = self._comparison()
        while self._take("&&"):
            left = Operation("&&", left, self._comparison())
        return left

    def _comparison(self) -> Node:
        left = self._sum()
        for operator in ("==", "!=", "<=", ">=", "<", ">"):
            if self._take(operator):
                return Operation(operator, left, self._sum())
        return left

    def _sum(self) -> Node:
        left = self._part()
        while True:
            if self._take("+"):
                left = Operation("+", left, self._part())
            elif self._take("-"):
                left = Operation("-", left, self._part())
            else:
                return left

    def _part(self) -> Node:
        negations = 0
        while self._take("!"):
            negations += 1
        node = self._atom()
        for _ in range(negations):
            node = Operation("!", node)
        return node

    def _atom(self) -> Node:
        if self._take("("):
            inner = self.choice()
            self._expect(")", "a bracket is not closed")
            return inner
        token = self._next()
        if token.kind == "text":
            return Literal(_unquoted(token.text))
        if token.kind == "number":
            return _number(token)
        if token.kind == "name":
            return self._named(token)
        raise Misread(token.at, f"{token.text!r} is not expected here")

    def _named(self, token: _Token) -> Node:
        if token.text in _CONSTANTS and not self._peek("."):
            return Literal(_CONSTANTS[token.text])
        if token.text == "user":
            self._expect(".", "write user.<attribute>")
            return self._attribute()
        if self._peek(".") and token.text in ("String", "Convert"):
            self._expect(".", "")
            return self._call(f"{token.text}.{self._name().text}", token.at)
        if self._peek("("):
            return self._call(f"String.{token.text}", token.at)
        raise Misread(token.at, _ELSEWHERE.get(token.text.lower(), f"{token.text!r} is outside the subset"))

    def _attribute(self) -> Node:
        name = self._name()
        if self._peek("("):
            raise Misread(name.at, f"{name.text}() is outside the subset; read an attribute of the profile")
        if self._peek("."):
            raise Misread(self._at(), "attributes of attributes and method calls are outside the subset")
        return Attribute(name.text)

    def _call(self, name: str, at: int) -> Node:
        self._expect("(", f"{name} is a function: write {name}(...)")
        arguments: list[Node] = []
        while not self._take(")"):
            if arguments:
                self._expect(",", "a bracket is not closed")
            arguments.append(self.choice())
        return Call(name, tuple(arguments), at)

    def _name(self) -> _Token:
        token = self._next()
        if token.kind != "name":
            raise Misread(token.at, "a name is expected here")
        return token

    def _next(self) -> _Token:
        if self._place >= len(self._tokens):
            raise Misread(self._end, "the expression ends too early")
        self._place += 1
        return self._tokens[self._place - 1]

    def _peek(self, sign: str) -> bool:
        at = self._place
        return at < len(self._tokens) and self._tokens[at].kind == "sign" and self._tokens[at].text == sign

    def _take(self, sign: str) -> bool:
        found = self._peek(sign)
        self._place += found
        return found

    def _expect(self, sign: str, fix: str) -> None:
        if not self._take(sign):
            raise Misread(self._at(), fix)

    def _at(self) -> int:
        return self._tokens[self._place].at if self._place < len(self._tokens) else self._end
