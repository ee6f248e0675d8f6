"""CEL expressions over schema-typed values: compiled once, evaluated often.

Called by `rules`. The engine checks syntax only, so that names are checked here: variables, functions and
the fields that `self.a.b` and `oldSelf.a.b` reach by the schema. Types are not inferred and costs not
estimated, both of which kube-apiserver does too: what passes here may still be refused there for these two.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import cel

from controller.schema.celfunctions import FUNCTIONS, SIZE
from controller.schema.celvalues import unescape
from controller.schema.node import Node

_TOKEN: Final = re.compile(
    r"""(?P<space>\s+|//[^\n]*)
      | (?P<text>[rRbB]{0,2}(?:\"{3}.*?\"{3}|'{3}.*?'{3}|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'))
      | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
      | (?P<number>\d[\w.]*)
      | (?P<sign>.)""",
    re.VERBOSE | re.DOTALL,
)
_MACROS: Final = frozenset({"all", "exists", "exists_one", "existsOne", "map", "filter"})
_WORDS: Final = frozenset({"true", "false", "null", "in"})
_TYPES: Final = frozenset(
    ["int", "uint", "double", "bool", "string", "bytes", "list", "map", "type", "null_type", "optional"]
)
_BUILT_IN: Final = frozenset(
    [
        "has",
        "matches",
        "contains",
        "startsWith",
        "endsWith",
        "duration",
        "timestamp",
        "int",
        "uint",
        "double",
        "bool",
        "string",
        "bytes",
        "type",
        "dyn",
        "size",
        "of",
        "none",
        "ofNonZeroValue",
        "hasValue",
        "value",
        "orValue",
        "or",
    ]
)
_CALLABLE: Final = _MACROS | _BUILT_IN | FUNCTIONS.keys()


class ExpressionError(ValueError):
    """Compiling or evaluating failed; the text says why."""


@dataclass(frozen=True, slots=True)
class Token:
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Expression:
    """A compiled expression. `uses_old_self` makes a rule a transition rule."""

    program: cel.Program
    functions: tuple[str, ...]
    uses_old_self: bool

    def evaluate(self, variables: Mapping[str, Any]) -> Any:
        """The value. Raises ExpressionError; an error is never absorbed by a later `|| true`."""
        faults: list[str] = []
        functions = {name: _recording(FUNCTIONS[name], faults) for name in self.functions}
        try:
            result = self.program.execute(cel.Context(variables=dict(variables), functions=functions))
        except KeyError as error:
            raise ExpressionError(f"no such key: {error.args[0]}") from error
        except ZeroDivisionError as error:
            raise ExpressionError("division by zero") from error
        except (RuntimeError, TypeError, ValueError, IndexError, OverflowError) as error:
            raise ExpressionError(faults[0] if faults else _first_sentence(error)) from error
        if faults:
            raise ExpressionError(faults[0])
        return result


def _recording(function: Callable[..., Any], faults: list[str]) -> Callable[..., Any]:
    """`function`, giving null and a line in `faults` where it raises: the engine logs what is raised."""

    def call(*args: Any) -> Any:
        try:
            return function(*args)
        except (TypeError, ValueError, AttributeError, OverflowError, re.error) as error:
            faults.append(str(error))
            return None

    return call


def _first_sentence(error: Exception) -> str:
    return str(error).split(". ", 1)[0].split("\n", 1)[0]


def compile_expression(text: str, node: Node) -> Expression:
    """The expression over `self` (and `oldSelf`) of schema `node`. Raises ExpressionError."""
    tokens = [Token(str(match.lastgroup), match[0]) for match in _TOKEN.finditer(text)]
    solid = [token for token in tokens if token.kind != "space"]
    for problem in _check_names(solid, node):
        raise ExpressionError(f"compilation failed: {problem}")
    try:
        program = cel.compile(_with_own_size(tokens))
    except ValueError as error:
        raise ExpressionError(f"compilation failed: {_first_sentence(error)}") from error
    names = {token.text for token in solid if token.kind == "name"}
    called = tuple(name for name in program.functions() if name in FUNCTIONS)
    return Expression(program, called, "oldSelf" in names)


def _with_own_size(tokens: list[Token]) -> str:
    out = []
    for index, token in enumerate(tokens):
        following = next((t.text for t in tokens[index + 1 :] if t.kind != "space"), "")
        is_call = token == Token("name", "size") and following == "("
        out.append(SIZE if is_call else token.text)
    return "".join(out)


def _check_names(tokens: list[Token], node: Node) -> Iterator[str]:
    bound = {"self", "oldSelf"} | set(_macro_variables(tokens))
    for index, token in enumerate(tokens):
        if token.kind != "name" or token.text in _WORDS:
            continue
        before = tokens[index - 1].text if index else ""
        after = tokens[index + 1].text if index + 1 < len(tokens) else ""
        if after == "(":
            if token.text not in _CALLABLE:
                yield f"undeclared reference to '{token.text}' (in container '')"
        elif before != ".":
            if token.text not in bound | _TYPES:
                yield f"undeclared reference to '{token.text}' (in container '')"
            elif token.text in ("self", "oldSelf") and (name := _undefined_field(tokens[index + 1 :], node)):
                yield f"undefined field '{name}'"


def _macro_variables(tokens: list[Token]) -> Iterator[str]:
    for macro, parenthesis, variable in zip(tokens, tokens[1:], tokens[2:], strict=False):
        if macro.text in _MACROS and parenthesis.text == "(" and variable.kind == "name":
            yield variable.text


def _undefined_field(tokens: list[Token], node: Node) -> str:
    """Follows `.a.b` from a variable as long as the schema says what is there; the first name that it
    doesn't have, or ""."""
    current: Node | None = node
    position = 0
    while current is not None and position + 1 < len(tokens) and tokens[position].text == ".":
        name = tokens[position + 1].text
        is_call = position + 2 < len(tokens) and tokens[position + 2].text == "("
        if is_call or current.int_or_string:
            return ""
        current, position = current.child(unescape(name)), position + 2
        if current is None:
            return name
    return ""
