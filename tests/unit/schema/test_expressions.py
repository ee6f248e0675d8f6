"""CEL itself: what Kubernetes' library has, counted in characters, with errors as errors."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from controller.schema.expressions import ExpressionError, compile_expression
from controller.schema.node import Node, parse_node

ANY = Node("", {}, int_or_string=True)


def evaluate(text: str, value: Any = None) -> Any:
    return compile_expression(text, ANY).evaluate({"self": value})


NOON = datetime(2026, 3, 1, 12, 30, 15, 250_000, tzinfo=UTC)
TRUE = [
    ("size('日本') == 2", None),
    ("self.size() == 1 && size(self) == 1", "é"),
    ("size([1, 2]) == 2 && size({'a': 1}) == 1", None),
    ("self . size ( ) == 1 // the last part", "é"),
    ("'size(' + self == 'size(x'", "x"),
    ("self.matches('^a+$')", "aaa"),
    ("self.map(m, m.size()).sum() <= 3", ["a", "bc"]),
    ("[1, 2].sum() == 3 && [1.5, 1.5].sum() == 3.0 && [].sum() == 0", None),
    ("[duration('1h'), duration('30m')].sum() == duration('90m')", None),
    ("[3, 1].min() == 1 && [3, 1].max() == 3", None),
    ("[1, 2, 2].isSorted() && !['b', 'a'].isSorted()", None),
    ("[1, 2, 1].indexOf(1) == 0 && [1, 2, 1].lastIndexOf(1) == 2", None),
    (
        "[1].indexOf(2) == -1 && [1].lastIndexOf(2) == -1",
        None,
    ),
    ("'abcb'.indexOf('b') == 1 && 'abcb'.indexOf('b', 2) == 3 && 'abcb'.lastIndexOf('b') == 3", None),
    ("'abcb'.lastIndexOf('b', 2) == 1", None),
    ("'a1b22'.find('[0-9]+') == '1' && 'x'.find('[0-9]') == ''", None),
    ("'a1b22'.findAll('[0-9]+') == ['1', '22'] && 'a1b22'.findAll('[0-9]+', 1) == ['1']", None),
    ("'abc'.charAt(1) == 'b' && 'abc'.charAt(3) == ''", None),
    ("'ÄbC'.lowerAscii() == 'Äbc' && 'äbC'.upperAscii() == 'äBC'", None),
    ("'aXbX'.replace('X', 'y') == 'ayby' && 'aXbX'.replace('X', 'y', 1) == 'aybX'", None),
    (
        "'a,b'.split(',') == ['a', 'b'] && 'a,b,c'.split(',', 2) == ['a', 'b,c'] && 'a'.split(',', 0) == []",
        None,
    ),
    ("'ab'.split('') == ['a', 'b'] && 'abc'.split('', 2) == ['a', 'bc']", None),
    ("['a', 'b'].join('-') == 'a-b' && ['a', 'b'].join() == 'ab'", None),
    ("'abc'.substring(1) == 'bc' && 'abc'.substring(1, 2) == 'b'", None),
    ("' a '.trim() == 'a' && 'ab'.reverse() == 'ba' && [1, 2].reverse() == [2, 1]", None),
    ("has(self.a) && !has(self.b)", {"a": None}),
    ("self.exists_one(x, x == 1) && self.all(x, x > 0) && self.exists(x, x == 2)", [1, 2]),
    ("self.filter(x, x > 1) == [2] && self.map(x, x > 1, x * 2) == [4]", [1, 2]),
    ("self.all(k, self[k] > 0) && 'a' in self", {"a": 1}),
    ("self == 1 || self == 'a'", "a"),
    ("type(self) == string && string(1) == '1' && int('2') == 2", "a"),
    ("self.getFullYear() == 2026 && self.getMonth() == 2 && self.getDate() == 1", NOON),
    ("self.getDayOfMonth() == 0 && self.getDayOfWeek() == 0 && self.getDayOfYear() == 59", NOON),
    ("self.getHours() == 12 && self.getMinutes() == 30 && self.getSeconds() == 15", NOON),
    ("self.getMilliseconds() == 250 && self.getHours('Europe/Berlin') == 13", NOON),
    ("self.getHours('-02:00') == 10 && self.getMinutes('05:45') == 15 && self.getHours('UTC') == 12", NOON),
    ("self.getHours() == 1 && self.getMinutes() == 90 && self.getSeconds() == 5400", timedelta(hours=1.5)),
    ("self.getMilliseconds() == 1250", timedelta(seconds=1.25)),
    ("duration('1h30m') > duration('89m') && timestamp('2026-01-01T00:00:00Z') < self", NOON),
]


@pytest.mark.parametrize(("text", "value"), TRUE, ids=[row[0][:60] for row in TRUE])
def test_expression_holds(text: str, value: Any) -> None:
    assert evaluate(text, value) is True


ERRORS = [
    (
        "timestamp('2000-01-01T00:00:00Z').getHours(self) >= 0",
        "Europe/Nowhere",
        "unknown time zone Europe/Nowhere",
    ),
    ("timestamp('2000-01-01T00:00:00Z').getHours(self) >= 0", "Local", "unknown time zone Local"),
    ("timestamp('2000-01-01T00:00:00Z').getHours(self) >= 0", "../etc/passwd", "unknown time zone"),
    ("timestamp('2000-01-01T00:00:00Z').getHours(self) >= 0", "a\x00b", "unknown time zone"),
    ("self.a", {}, "no such key: a"),
    ("1 / self", 0, "division by zero"),
    ("self[3]", [1], "index out of bounds"),
    ("self + 1", 2**63 - 1, "verflow"),
    ("self + 1", "a", "Unsupported operation"),
    ("duration(self) > duration('1h')", "soon", "duration"),
    ("self.min()", [], "min called on empty list"),
    ("self.max() == null", [], "max called on empty list"),
    ("'abc'.charAt(4)", None, "index out of range: 4"),
    ("'abc'.substring(2, 1)", None, "invalid substring range"),
    ("self.lowerAscii()", 1, "expected string"),
    ("self.find('[')", "a", "unterminated"),
]


@pytest.mark.parametrize(
    ("text", "value", "why"), ERRORS, ids=[f"{row[0][:40]}-{row[2][:20]}" for row in ERRORS]
)
def test_evaluation_error_says_why(text: str, value: Any, why: str) -> None:
    with pytest.raises(ExpressionError, match=why.replace("(", "\\(")):
        evaluate(text, value)


TYPED = parse_node(
    {
        "type": "object",
        "properties": {
            "a-b": {"type": "object", "properties": {"c": {"type": "string"}}},
            "in": {"type": "string"},
            "by": {
                "type": "object",
                "additionalProperties": {"type": "object", "properties": {"d": {"type": "string"}}},
            },
            "list": {"type": "array", "items": {"type": "string"}},
            "port": {"x-kubernetes-int-or-string": True},
        },
    }
)
UNKNOWN = [
    ("self.zz == 'x'", "undefined field 'zz'"),
    ("self.a__dash__b.zz == 'x'", "undefined field 'zz'"),
    ("oldSelf.zz == 'x'", "undefined field 'zz'"),
    ("has(self.by.any.zz)", "undefined field 'zz'"),
    ("self.list.first == 'x'", "undefined field 'first'"),
    ("self.list.all(x, y == x)", "undeclared reference to 'y'"),
    ("nope(self)", "undeclared reference to 'nope'"),
    ("self.?a", "compilation failed"),
    ("1 +", "compilation failed"),
]


@pytest.mark.parametrize(("text", "why"), UNKNOWN)
def test_expression_that_names_nothing_does_not_compile(text: str, why: str) -> None:
    with pytest.raises(ExpressionError, match=why):
        compile_expression(text, TYPED)


@pytest.mark.parametrize(
    "text",
    [
        "self.a__dash__b.c == 'x'",
        "self.__in__ == 'x'",
        "self.by.any.d == 'x'",
        "self.list.all(x, x == 'y')",
        "self.list[0] == 'x'",
        "self.list.size() == 1",
        "self.port == 80 || self.port == 'http'",
        "size(self.list) == 1 ? true : null == self.__in__",
    ],
)
def test_expression_over_known_fields_compiles(text: str) -> None:
    assert not compile_expression(text, TYPED).uses_old_self


def test_transition_is_told_by_the_variable_not_by_text() -> None:
    assert compile_expression("self == oldSelf", TYPED).uses_old_self
    assert not compile_expression("self.__in__ == 'oldSelf'", TYPED).uses_old_self
