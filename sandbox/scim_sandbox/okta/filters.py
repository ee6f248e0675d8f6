"""Okta's `filter` and `search` expressions over records, users, groups and log events.

Called by the listings. Grammar: SCIM's (RFC 7644 section 3.4.2.2) with Okta's operators; strings compare
without case in `search` and with case in `filter`. Source: developer.okta.com/docs/api, Filter.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

from scim_sandbox.okta.problems import OktaProblem

_TOKEN = re.compile(r"\s*(?:(\()|(\))|\"((?:[^\"\\]|\\.)*)\"|([^\s()\"]+))")
OPERATORS = ("eq", "ne", "sw", "ew", "co", "pr", "gt", "ge", "lt", "le")
Test = Callable[[Any], bool]
_COMPARE: dict[str, Callable[[str, str], bool]] = {
    "eq": lambda value, wanted: value == wanted,
    "sw": lambda value, wanted: value.startswith(wanted),
    "ew": lambda value, wanted: value.endswith(wanted),
    "co": lambda value, wanted: wanted in value,
    "gt": lambda value, wanted: value > wanted,
    "ge": lambda value, wanted: value >= wanted,
    "lt": lambda value, wanted: value < wanted,
    "le": lambda value, wanted: value <= wanted,
}


def compile_filter(text: str, properties: Iterable[str] | None = None, *, ignore_case: bool = False) -> Test:
    """Whether a JSON object matches `text`. `properties` limits what may be named; 400 E0000053 or E0000094
    else.
    """
    return _Filter(text, None if properties is None else frozenset(properties), ignore_case).whole()


def values_at(item: Any, path: str) -> list[Any]:
    """Every value that `path` (dotted) reaches in `item`; lists are walked through."""
    found = [item]
    for part in path.split("."):
        step: list[Any] = []
        for value in found:
            for each in value if isinstance(value, list) else [value]:
                if isinstance(each, dict) and part in each:
                    step.append(each[part])
        found = step
    return [each for value in found for each in (value if isinstance(value, list) else [value])]


class _Filter:
    def __init__(self, text: str, properties: frozenset[str] | None, ignore_case: bool) -> None:
        self._properties, self._ignore_case = properties, ignore_case
        self._tokens, self._at = self._split(text), 0

    @staticmethod
    def _split(text: str) -> list[tuple[str, str]]:
        tokens, at = [], 0
        while text[at:].strip():
            match = _TOKEN.match(text, at)
            if match is None:
                raise OktaProblem("E0000053", f"Invalid filter '{text}'")
            kinds = ("(", ")", "string", "word")
            kind = kinds[(match.lastindex or 1) - 1]
            tokens.append((kind, match.group(match.lastindex or 1)))
            at = match.end()
        return tokens

    def whole(self) -> Test:
        test = self._either()
        if self._at != len(self._tokens):
            raise self._bad()
        return test

    def _bad(self) -> OktaProblem:
        return OktaProblem("E0000053", f"Invalid filter near token {self._at + 1}")

    def _next(self) -> tuple[str, str]:
        if self._at >= len(self._tokens):
            raise self._bad()
        self._at += 1
        return self._tokens[self._at - 1]

    def _takes(self, word: str) -> bool:
        if self._at < len(self._tokens):
            kind, text = self._tokens[self._at]
            if kind == "word" and text.lower() == word:
                self._at += 1
                return True
        return False

    def _either(self) -> Test:
        tests = [self._both()]
        while self._takes("or"):
            tests.append(self._both())
        return tests[0] if len(tests) == 1 else lambda item: any(test(item) for test in tests)

    def _both(self) -> Test:
        tests = [self._single()]
        while self._takes("and"):
            tests.append(self._single())
        return tests[0] if len(tests) == 1 else lambda item: all(test(item) for test in tests)

    def _single(self) -> Test:
        if self._takes("not"):
            inner = self._single()
            return lambda item: not inner(item)
        kind, text = self._next()
        if kind == "(":
            inside = self._either()
            if self._next()[0] != ")":
                raise self._bad()
            return inside
        if kind != "word":
            raise self._bad()
        return self._comparison(text)

    def _comparison(self, path: str) -> Test:
        if self._properties is not None and path not in self._properties:
            raise OktaProblem("E0000053", f"Invalid filter: property '{path}' cannot be used")
        operator = self._next()[1].lower()
        if operator not in OPERATORS:
            raise OktaProblem("E0000094", f"This operation is not supported on this filter: {operator}")
        if operator == "pr":
            return lambda item: any(value not in (None, "") for value in values_at(item, path))
        wanted = self._literal()
        if operator == "ne":
            return lambda item: all(not self._matches("eq", value, wanted) for value in values_at(item, path))
        return lambda item: any(self._matches(operator, value, wanted) for value in values_at(item, path))

    def _literal(self) -> Any:
        kind, text = self._next()
        if kind == "string":
            return re.sub(r"\\(.)", r"\1", text)
        if text in ("true", "false", "null"):
            return {"true": True, "false": False, "null": None}[text]
        try:
            return float(text)
        except ValueError:
            raise self._bad() from None

    def _matches(self, operator: str, value: Any, wanted: Any) -> bool:
        if not isinstance(value, str) or not isinstance(wanted, str):
            return bool(operator == "eq" and value == wanted)
        if self._ignore_case:
            value, wanted = value.lower(), wanted.lower()
        return _COMPARE[operator](value, wanted)
