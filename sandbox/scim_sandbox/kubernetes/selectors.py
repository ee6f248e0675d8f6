"""Label and field selectors: text to a predicate, with kube-apiserver's messages for bad text.

Called by reads. Pure. The grammar is that of apimachinery `labels.Parse` and `fields.ParseSelector`:
`a=b`, `a==b`, `a!=b`, `a in (b,c)`, `a notin (b,c)`, `a`, `!a`, `a>1`, `a<1`, joined by commas.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from scim_sandbox.kubernetes.failures import bad_request

Labels = Mapping[str, str]
Predicate = Callable[[dict[str, Any]], bool]

_TOKEN = re.compile(r"\s*(==|!=|=|<|>|\(|\)|,|!|[^\s=!<>(),]+)")
_OPERATORS = {"=", "==", "!=", "<", ">", "in", "notin"}
_PUNCTUATION = {"(", ")", ",", "!", "=", "==", "!=", "<", ">"}


def everything(_: dict[str, Any]) -> bool:
    """The selector that selects all."""
    return True


class _Parser:
    """Recursive descent over the tokens of one label selector."""

    def __init__(self, text: str) -> None:
        self.tokens = [match.group(1) for match in _TOKEN.finditer(text)]
        self.at = 0

    def peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def take(self) -> str:
        token = self.peek()
        self.at += 1
        return token

    def requirements(self) -> list[Callable[[Labels], bool]]:
        found = []
        while self.peek():
            found.append(self.requirement())
            if self.peek() == ",":
                self.take()
                if not self.peek():
                    raise _unparsed("", "identifier after ','")
            elif self.peek():
                raise _unparsed(self.peek(), "',' or 'end of string'")
        return found

    def requirement(self) -> Callable[[Labels], bool]:
        if self.peek() == "!":
            self.take()
            absent = self.key()
            return lambda labels: absent not in labels
        key = self.key()
        operator = self.peek()
        if operator in ("", ","):
            return lambda labels: key in labels
        if operator not in _OPERATORS:
            raise _unparsed(operator, "in, notin, =, ==, !=, gt, lt")
        self.take()
        return self.comparison(key, operator)

    def key(self) -> str:
        token = self.take()
        if not token or token in _PUNCTUATION:
            raise _unparsed(token, "!, identifier, or 'end of string'")
        return token

    def comparison(self, key: str, operator: str) -> Callable[[Labels], bool]:
        if operator in ("in", "notin"):
            values = self.values()
            if operator == "in":
                return lambda labels: labels.get(key) in values
            return lambda labels: labels.get(key) not in values
        value = "" if self.peek() in ("", ",") else self.take()
        if operator == "!=":
            return lambda labels: labels.get(key) != value
        if operator in ("<", ">"):
            return _numeric(key, operator, value)
        return lambda labels: labels.get(key) == value

    def values(self) -> frozenset[str]:
        if self.take() != "(":
            raise _unparsed(self.tokens[self.at - 1] if self.at <= len(self.tokens) else "", "'('")
        values: set[str] = set()
        while True:
            part = self.take()
            if part == ")":
                return frozenset(values)
            if part == ",":
                continue
            if not part or part in _PUNCTUATION:
                raise _unparsed(part, "',', ')' or identifier")
            values.add(part)


def _unparsed(found: str, expected: str) -> Exception:
    return bad_request(f"unable to parse requirement: found '{found}', expected: {expected}")


def _numeric(key: str, operator: str, value: str) -> Callable[[Labels], bool]:
    try:
        bound = int(value)
    except ValueError:
        raise bad_request(
            f'unable to parse requirement: values[0][{key}]: Invalid value: "{value}": '
            "for 'Gt', 'Lt' operators, the value must be an integer"
        ) from None

    def holds(labels: Labels) -> bool:
        try:
            number = int(labels[key])
        except (KeyError, ValueError):
            return False
        return number > bound if operator == ">" else number < bound

    return holds


def label_selector(text: str) -> Predicate:
    """A predicate over whole objects; raises a 400 Refusal where `text` does not parse."""
    if not text.strip():
        return everything
    requirements = _Parser(text).requirements()

    def selects(obj: dict[str, Any]) -> bool:
        labels = obj["metadata"].get("labels") or {}
        return all(holds(labels) for holds in requirements)

    return selects


def _unescape(text: str) -> str:
    return re.sub(r"\\([\\,=])", r"\1", text)


def _field_terms(text: str) -> list[tuple[str, bool, str]]:
    terms = []
    for part in re.split(r"(?<!\\),", text):
        if not part.strip():
            continue
        match = re.match(r"\s*([^=!]+?)\s*(!=|==|=)(.*)$", part, re.DOTALL)
        if match is None:
            raise bad_request(f"invalid selector: '{text}'; can't understand '{part}'")
        terms.append((match.group(1), match.group(2) != "!=", _unescape(match.group(3).strip())))
    return terms


def value_at(obj: Any, path: str) -> str:
    """The scalar at dotted `path` as a selector compares it; "" where there is none."""
    for part in path.split("."):
        obj = obj.get(part) if isinstance(obj, dict) else None
    if obj is None:
        return ""
    if isinstance(obj, bool):
        return "true" if obj else "false"
    return str(obj)


def field_selector(text: str, supported: Mapping[str, str]) -> Predicate:
    """A predicate over whole objects. `supported` maps labels to the paths they read; others are a 400."""
    terms = []
    for label, wanted, value in _field_terms(text):
        if label not in supported:
            raise bad_request(f"field label not supported: {label}")
        terms.append((supported[label], wanted, value))
    if not terms:
        return everything
    return lambda obj: all((value_at(obj, path) == value) is wanted for path, wanted, value in terms)


def exact_name(text: str) -> str:
    """The name that a field selector pins by `metadata.name=`, or "": saves walking a whole listing."""
    for label, wanted, value in _field_terms(text):
        if label == "metadata.name" and wanted:
            return value
    return ""
