"""From the text of an Okta expression to a tree.

Called by expression only. Okta's language is a subset of the Spring Expression Language (developer.okta.com,
"Expression Language Overview"; docs.spring.io, "SpEL"). Nothing is evaluated here. A text literal has no
escapes: a backslash is a backslash, and a quote is doubled inside quotes of its own kind. What is part of the
language but needs more than the profile of one person (groups, time, other profiles) becomes an `Elsewhere`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from controller.model.people import Value

MAX_DEPTH = 40
MAX_LENGTH = 1024
MAX_PARTS = 200
"""Values and operators in one expression. Nobody writes a larger one by hand."""
LARGEST_INTEGER = 2**31 - 1
"""SpEL reads a whole number as Java's int, with an `L` behind it as a long."""
LARGEST_LONG = 2**63 - 1


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
class Array:
    """{a, b, ...}"""

    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Item:
    """array[place], counted from 0"""

    array: Node
    place: Node


@dataclass(frozen=True, slots=True)
class Call:
    """String.<name>(...)"""

    name: str
    arguments: tuple[Node, ...]
    at: int


@dataclass(frozen=True, slots=True)
class Operation:
    """`left operator right`; `!` and `negate` have the left side only."""

    operator: str
    left: Node
    right: Node | None = None
    at: int = 0


@dataclass(frozen=True, slots=True)
class Choice:
    """condition ? yes : no"""

    condition: Node
    yes: Node
    no: Node


@dataclass(frozen=True, slots=True)
class Elvis:
    """value ?: other, which is `other` if the value is null or an empty text"""

    value: Node
    other: Node


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """A part that only Okta can evaluate: `what` was written, `needs` names what is missing here."""

    what: str
    needs: str
    at: int


Node = Literal | Attribute | Array | Item | Call | Operation | Choice | Elvis | Elsewhere


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    at: int


_TOKENS = re.compile(
    r"""(?P<space>\s+)
      | (?P<text>"(?:[^"]|"")*"|'(?:[^']|'')*')
      | (?P<number>[0-9]+(?:\.[0-9]+|[lL])?)
      | (?P<name>[A-Za-z_$][A-Za-z0-9_$]*)
      | (?P<sign>==|!=|<=|>=|&&|\|\||\?:|\?\.|[-+*/%<>!?:().,\[\]{}])""",
    re.VERBOSE,
)
_WORDS = {
    "and": "&&", "or": "||", "not": "!", "eq": "==", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">=",
    "div": "/", "mod": "%", "matches": "matches",
}  # fmt: skip
"""Operators as words, in any case (SpEL)."""
_CONSTANTS: dict[str, Value] = {"true": True, "false": False, "null": None}
_CLASSES = ("String", "Convert", "Arrays", "Iso3166Convert")
GROUPS, TIME = "the groups of the person", "the time at which it is evaluated"
OTHER_PROFILES = "a profile other than the person's Okta profile"
_GROUP_FUNCTIONS = frozenset(
    {
        "isMemberOfGroup", "isMemberOfAnyGroup", "isMemberOfGroupName", "isMemberOfAnyGroupName",
        "isMemberOfGroupNameStartsWith", "isMemberOfGroupNameContains", "isMemberOfGroupNameRegex",
        "getFilteredGroups",
    }
)  # fmt: skip
_PROFILE_FUNCTIONS = frozenset(
    {
        "getManagerUser", "getManagerAppUser", "getAssistantUser", "getAssistantAppUser", "hasDirectoryUser",
        "hasWorkdayUser", "findDirectoryUser", "findWorkdayUser",
    }
)  # fmt: skip
_OF_USER = {
    "getGroups": GROUPS, "isMemberOf": GROUPS, "getInternalProperty": "properties outside the profile",
    "getLinkedObject": OTHER_PROFILES,
}  # fmt: skip


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


def parts_of(node: Node) -> tuple[Node, ...]:
    """The nodes that `node` is made of."""
    match node:
        case Array(items):
            return items
        case Item(array, place):
            return array, place
        case Call(_, arguments, _):
            return arguments
        case Operation(_, left, right):
            return (left,) if right is None else (left, right)
        case Choice(condition, yes, no):
            return condition, yes, no
        case Elvis(value, other):
            return value, other
        case _:
            return ()


def walk(node: Node) -> Iterator[Node]:
    """`node` and everything below it."""
    yield node
    for part in parts_of(node):
        yield from walk(part)


def attributes_in(node: Node) -> frozenset[str]:
    """Names of the user attributes that `node` reads."""
    return frozenset(part.name for part in walk(node) if isinstance(part, Attribute))


def elsewhere_in(node: Node) -> Elsewhere | None:
    """The first part that only Okta can evaluate, or None."""
    return next((part for part in walk(node) if isinstance(part, Elsewhere)), None)


def _tokens(text: str) -> Iterator[_Token]:
    at, before = 0, ""
    while at < len(text):
        found = _TOKENS.match(text, at)
        if found is None:
            raise Misread(at, _unreadable(text[at]))
        kind, part = str(found.lastgroup), found.group()
        # After a point a word is a name: user.not
        if kind == "name" and part.lower() in _WORDS and before not in (".", "?."):
            kind, part = "sign", _WORDS[part.lower()]
        if kind != "space":
            yield _Token(kind, part, at)
            before = part
        at = found.end()


def _unreadable(character: str) -> str:
    if character in "\"'":
        return "this text has no closing quote"
    if character == "=":
        return "compare with == ; nothing can be assigned"
    return f"{character!r} is not understood here"


def _unquoted(token: str) -> str:
    return token[1:-1].replace(token[0] * 2, token[0])


def _number(token: _Token) -> Literal:
    if "." in token.text:
        if len(token.text) > 30:
            raise Misread(token.at, "a number has at most 30 digits")
        return Literal(float(token.text))
    digits = token.text.rstrip("lL").lstrip("0") or "0"
    largest = LARGEST_INTEGER if token.text[-1] not in "lL" else LARGEST_LONG
    if len(digits) > 19 or int(digits) > largest:
        raise Misread(token.at, f"a whole number is at most {largest}")
    return Literal(int(digits))


class _Parser:
    """Recursive descent; each method reads one level of binding, the loosest first."""

    def __init__(self, tokens: list[_Token], end: int) -> None:
        self._tokens, self._place, self._end, self._depth = tokens, 0, end, 0

    def choice(self) -> Node:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise Misread(self._at(), f"more than {MAX_DEPTH} levels of brackets and choices")
        node = self._either()
        if self._take("?:"):
            node = Elvis(node, self.choice())
        elif self._take("?"):
            yes = self.choice()
            self._expect(":", "a choice is written: condition ? value : other value")
            node = Choice(node, yes, self.choice())
        self._depth -= 1
        return node

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
        for operator in ("==", "!=", "<=", ">=", "<", ">", "matches"):
            at = self._at()
            if self._take(operator):
                return Operation(operator, left, self._sum(), at)
        return left

    def _sum(self) -> Node:
        left = self._product()
        while True:
            if self._take("+"):
                left = Operation("+", left, self._product())
            elif self._take("-"):
                left = Operation("-", left, self._product())
            else:
                return left

    def _product(self) -> Node:
        left = self._unary()
        while True:
            for operator in ("*", "/", "%"):
                if self._take(operator):
                    left = Operation(operator, left, self._unary())
                    break
            else:
                return left

    def _unary(self) -> Node:
        signs = []
        while (sign := self._sign_of("!", "-", "+")) is not None:
            signs.append(sign)
        node = self._with_places(self._atom())
        for sign in reversed(signs):
            if sign != "+":
                node = Operation("!" if sign == "!" else "negate", node)
        return node

    def _sign_of(self, *signs: str) -> str | None:
        return next((sign for sign in signs if self._take(sign)), None)

    def _with_places(self, node: Node) -> Node:
        """`node` with the [0] behind it."""
        while not isinstance(node, Elsewhere) and self._take("["):
            node = Item(node, self.choice())
            self._expect("]", "a bracket is not closed")
        if self._peek(".") or self._peek("?."):
            raise Misread(self._at(), "attributes of attributes and method calls are outside the subset")
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
        if token.text == "{":
            return Array(self._list_until("}"))
        raise Misread(token.at, f"{token.text!r} is not expected here")

    def _named(self, token: _Token) -> Node:
        is_followed = self._peek(".") or self._peek("?.")
        if token.text.lower() in _CONSTANTS and not is_followed:
            return Literal(_CONSTANTS[token.text.lower()])
        if token.text == "user":
            return self._of_user(token)
        if token.text in _CLASSES and self._take("."):
            return self._call(f"{token.text}.{self._name().text}", token.at)
        if self._peek("("):
            return self._function(token)
        if is_followed and token.text != "source":
            return self._elsewhere(token, _needs(token.text))
        raise Misread(token.at, f"{token.text!r} is outside the subset; write user.<attribute>")

    def _of_user(self, user: _Token) -> Node:
        if self._take("["):
            name = self._next()
            if name.kind != "text":
                raise Misread(name.at, 'write user["<attribute>"]')
            self._expect("]", "a bracket is not closed")
            return Attribute(_unquoted(name.text))
        if not self._take("?."):
            self._expect(".", "write user.<attribute>")
        name = self._name()
        if not self._peek("("):
            return Attribute(name.text)
        if name.text in _OF_USER:
            return self._elsewhere(user, _OF_USER[name.text])
        raise Misread(name.at, f"{name.text}() is outside the subset; read an attribute of the profile")

    def _function(self, token: _Token) -> Node:
        if token.text in _GROUP_FUNCTIONS:
            return self._elsewhere(token, GROUPS)
        if token.text in _PROFILE_FUNCTIONS:
            return self._elsewhere(token, OTHER_PROFILES)
        return self._call(f"String.{token.text}", token.at)

    def _elsewhere(self, token: _Token, needs: str) -> Node:
        """Reads what follows, any mixture of names, calls and places, without understanding it."""
        while True:
            if self._take(".") or self._take("?."):
                self._name()
            elif self._take("("):
                self._list_until(")")
            elif self._take("["):
                self.choice()
                self._expect("]", "a bracket is not closed")
            else:
                return Elsewhere(token.text, needs, token.at)

    def _call(self, name: str, at: int) -> Node:
        self._expect("(", f"{name} is a function: write {name}(...)")
        return Call(name, self._list_until(")"), at)

    def _list_until(self, end: str) -> tuple[Node, ...]:
        items: list[Node] = []
        while not self._take(end):
            if items:
                self._expect(",", "a bracket is not closed")
            items.append(self.choice())
        return tuple(items)

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


def _needs(name: str) -> str:
    """What an expression needs that reads something of `name`."""
    known = {
        "Time": TIME, "Groups": GROUPS, "org": "properties of the org", "app": "properties of the app",
        "session": "the session of the person", "DateTime": TIME,
    }  # fmt: skip
    return known.get(name, OTHER_PROFILES)
