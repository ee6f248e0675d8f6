"""Okta's expressions: what the subset yields, and how it refuses everything else."""

from __future__ import annotations

from operator import itemgetter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.errors import SpecError
from controller.model.people import UNKNOWN, Unknown, Value
from controller.planning.desired.expression import compile_expression, compile_node, parse_expression
from controller.planning.desired.expression_functions import MAX_RESULT
from tests.contract.okta.expression_table import ELSEWHERE, ROWS
from tests.contract.okta.expression_table import PROFILE as TABLE_PROFILE
from tests.contract.okta.expression_table import UNKNOWN as ONLY_OKTA

NAMES = tuple(TABLE_PROFILE)
READ = ("first", "last", "nothing", "flag", "count", "share")
PROFILE = ("Ada", "Lovelace", None, True, 12, 1.5)

YIELDS = (
    ("an attribute", "user.first", "Ada"),
    ("blanks around it", "  user . first ", "Ada"),
    ("a null attribute", "user.nothing", None),
    ("a text in double quotes", '"a ""b"""', 'a "b"'),
    ("a text in single quotes", "'it''s'", "it's"),
    ("a number", "3", 3),
    ("a fraction", "1.5", 1.5),
    ("true", "true", True),
    ("false", "FALSE", False),
    ("null", "null", None),
    ("joined", 'user.first + " " + user.last', "Ada Lovelace"),
    ("joined with a number", "user.first + user.count", "Ada12"),
    ("joined with a fraction", "user.first + user.share", "Ada1.5"),
    ("joined with a boolean", "user.first + user.flag", "Adatrue"),
    ("numbers add up", "user.count + 1", 13),
    ("numbers subtract", "user.count - 2", 10),
    ("equal", 'user.first == "Ada"', True),
    ("not equal", "user.first != user.last", True),
    ("eq and ne are words", "user.first eq user.last OR user.first ne user.last", True),
    ("null is null", "user.nothing == null", True),
    ("a number is less", "user.count < 13", True),
    ("a number is at most", "user.count <= 12", True),
    ("a number is more", "user.count > 12", False),
    ("a number is at least", "user.count >= 12.5", False),
    ("texts in their order", "user.first < user.last", True),
    ("null is less than everything", "user.nothing < user.first", True),
    ("nothing is less than null", "user.first < user.nothing", False),
    ("and", "user.flag AND user.count > 1", True),
    ("and, first false", "!user.flag && user.count > 1", False),
    ("or", "user.nothing == null || user.flag", True),
    ("not", "not user.flag", False),
    ("not twice", "!!user.flag", True),
    ("a choice, yes", 'user.flag ? "a" : "b"', "a"),
    ("a choice, no", 'user.count > 20 ? "a" : "b"', "b"),
    ("a choice in a choice", 'user.count > 20 ? "a" : user.count > 10 ? "b" : "c"', "b"),
    ("brackets", '(user.first + "x") + ("y")', "Adaxy"),
    ("a boolean that is a text", '"true" ? 1 : 2', 1),
    ("append", "String.append(user.first, user.last)", "AdaLovelace"),
    ("append to null", "String.append(user.nothing, user.nothing)", ""),
    ("join leaves null out", 'String.join("-", user.first, user.nothing, user.last)', "Ada-Lovelace"),
    ("join without a separator", "String.join(null, user.first, user.last)", "AdaLovelace"),
    ("len", "String.len(user.last)", 8),
    ("len of null", "String.len(user.nothing)", 0),
    ("removeSpaces", 'String.removeSpaces(" a b ")', "ab"),
    ("trim", 'String.trim(" a b ")', "a b"),
    ("replace is literal", 'String.replace("a.b.c", ".", "-")', "a-b-c"),
    ("replace by null", 'String.replace("a.b", ".", null)', "ab"),
    ("replace of nothing", 'String.replace("ab", "", "-")', "ab"),
    ("replaceFirst", 'String.replaceFirst("a.b.c", ".", "-")', "a-b.c"),
    ("stringContains", 'String.stringContains(user.last, "love")', False),
    ("stringContains of null", 'String.stringContains(user.nothing, "love")', False),
    ("startsWith", 'String.startsWith(user.last, "Love")', True),
    (
        "stringSwitch compares by substring",
        'String.stringSwitch(user.last, "d", "xx", "1", "lace", "2")',
        "2",
    ),
    ("stringSwitch without a match", 'String.stringSwitch(user.last, "d", "xx", "1")', "d"),
    ("stringSwitch of null", 'String.stringSwitch(user.nothing, "d", "xx", "1")', "d"),
    ("stringSwitch with a null key", 'String.stringSwitch(user.last, "d", null, "1")', "d"),
    ("substring", 'String.substring("This is a test", 2, 9)', "is is a"),
    ("substring beyond the end", 'String.substring("abc", 2, 9)', "c"),
    ("substring backwards", 'String.substring("abc", 2, 1)', ""),
    ("substring of null", "String.substring(user.nothing, 0, 1)", None),
    ("substringBefore", 'String.substringBefore("a@b", "@")', "a"),
    ("substringAfter", 'substringAfter("a@b", "@")', "b"),
    ("substringAfter of null", 'substringAfter(user.nothing, "@")', None),
    ("toUpperCase", "String.toUpperCase(user.first)", "ADA"),
    ("toUpperCase of a boolean", "toUpperCase(user.flag)", "TRUE"),
    ("toLowerCase of null", "toLowerCase(user.nothing)", None),
    ("toInt", 'Convert.toInt("12.6")', 13),
    ("toInt of null", "Convert.toInt(user.nothing)", None),
    ("toNum", 'Convert.toNum("3.14")', 3.14),
    ("toNum of null", "Convert.toNum(user.nothing)", None),
)


@pytest.mark.parametrize(("name", "text", "value"), YIELDS, ids=[row[0] for row in YIELDS])
def test_an_expression_yields(name: str, text: str, value: Value) -> None:
    assert compile_expression(text, READ).evaluate(PROFILE) == value, name


UNDOCUMENTED = (
    "user.first + user.nothing",
    "user.nothing + user.nothing",
    "user.first - 2",
    "user.flag + 1",
    'String.substring("abc", "x", 2)',
    'String.substring("abc", null, 2)',
    'String.substringBefore("ab", "@")',
    'substringAfter("ab", "")',
    'Convert.toNum("x")',
    "Convert.toInt(user.flag)",
    'Convert.toInt("3000000000")',
    "user.first ? 1 : 2",
    "user.count < user.first",
    "{1} == {1}",
    "user.count / 0",
    "user.count % 0",
    "2147483647 + user.count",
    "user.count[0]",
    "{1}[1]",
    "Arrays.get({1}, 1)",
    "Arrays.contains(user.first, 1)",
    "Iso3166Convert.toName(user.nothing)",
    'Iso3166Convert.toName("Germany")',
    "Arrays.flatten(user.first, {1})[0] + user.nothing",
    "user.huge * 10",
    "user.huge + user.first",
    "user.list[0] == {1}[0] ? {1}[9] : 1",
)


@pytest.mark.parametrize("text", UNDOCUMENTED)
def test_what_okta_does_not_document_is_unknown(text: str) -> None:
    assert compile_expression(text, (*READ, "huge", "list")).evaluate((*PROFILE, 1e308, None)) is UNKNOWN


@pytest.mark.parametrize(("text", "expected"), ROWS, ids=[row[0] for row in ROWS])
def test_the_table_that_the_simulator_answers_too(text: str, expected: object) -> None:
    if expected is ELSEWHERE:
        node = parse_expression(text, "", only_here=False)
        assert compile_node(text, node, NAMES).needs
    else:
        value = compile_expression(text, NAMES).evaluate(tuple(TABLE_PROFILE.values()))
        assert value == (UNKNOWN if expected is ONLY_OKTA else expected)


REFUSED = (
    ("nothing", "", 1, "ends too early"),
    ("half a sum", "user.first +", 13, "ends too early"),
    ("an open text", 'user.first + "abc', 14, "no closing quote"),
    ("an open bracket", "(user.first", 12, "not closed"),
    ("a bracket too many", "user.first)", 11, "not expected"),
    ("a sign alone", "*", 1, "not expected"),
    ("a sign that is none", "~", 1, "not understood"),
    ("an assignment", "user.first = 1", 12, "compare with =="),
    ("two values", "user.first user.last", 12, "not expected"),
    ("user alone", "user", 5, "user.<attribute>"),
    ("user with a sign", "user.+", 6, "a name is expected"),
    ("half a choice", 'user.flag ? "a"', 16, "condition ? value : other value"),
    ("an app's attribute", "appuser.email", 1, "cannot be evaluated here"),
    ("source", "source.email", 1, "write user.<attribute>"),
    ("an org's property", "org.name", 1, "properties of the org"),
    ("an unknown name", "department", 1, "outside the subset"),
    ("a method", "user.first.length()", 11, "method calls are outside"),
    ("a function of the user", "user.getGroups()", 1, "needs the groups of the person"),
    ("an unknown function of the user", "user.getX()", 6, "read an attribute of the profile"),
    ("an array", "{1, 2}", 1, "the result is an array"),
    ("an array out of a choice", "user.flag ? {1} : 2", 1, "the result is an array"),
    ("an array out of a function", "1 ?: Arrays.clear({1})", 1, "the result is an array"),
    ("an array that is not closed", "{1, 2", 6, "not closed"),
    ("a place that is not closed", "{1, 2}[0", 9, "not closed"),
    ("a place of the user", "user[0]", 6, 'user["<attribute>"]'),
    ("a place of the user that is not closed", 'user["a"', 9, "not closed"),
    ("groups", 'isMemberOfGroupName("x") ? 1 : 2', 1, "needs the groups of the person"),
    ("another profile", 'findDirectoryUser().x["a"]?.b', 1, "needs a profile other than"),
    ("an unknown function", 'String.reverse("x")', 1, "outside the subset, which has"),
    ("a pattern that is no text", "user.first matches user.last", 12, "a text in quotes"),
    ("a pattern that is none", "user.first matches '('", 12, "unbounded time"),
    ("a pattern that looks back", r"user.first matches '(a)\1'", 12, "unbounded time"),
    ("a long pattern", "user.first matches '" + "a" * 201 + "'", 12, "at most 200 characters"),
    ("a large number", "2147483648", 1, "at most 2147483647"),
    ("a huge number", "9" * 400, 1, "at most 2147483647"),
    ("a long fraction", "1." + "3" * 40, 1, "at most 30 digits"),
    ("an unknown function within", "user.flag ? String.trim(Convert.toX(1)) : 2", 25, "outside the subset"),
    ("too few arguments", "String.len()", 1, "String.len(text)"),
    ("too many arguments", 'String.len("a", "b")', 1, "String.len(text)"),
    ("keys without values", 'String.stringSwitch("a", "d", "k", "v", "l")', 1, "key, value"),
    ("arguments without commas", 'String.append("a" "b")', 19, "not closed"),
    ("a function without arguments", "String.len", 11, "write String.len(...)"),
    ("a number of many digits", "1<1" + "0" * 500, 3, "at most 2147483647"),
    ("too long", "1" * 1025, 1025, "at most 1024 characters"),
    ("too many parts", "+".join("1" * 110), 201, "at most 200 parts"),
    ("too deep", "(" * 45 + "1" + ")" * 45, 41, "levels of brackets"),
    ("an operator first", "== user.first", 1, "not expected"),
)


@pytest.mark.parametrize(("name", "text", "at", "fix"), REFUSED, ids=[row[0] for row in REFUSED])
def test_everything_else_is_refused_with_its_place(name: str, text: str, at: int, fix: str) -> None:
    with pytest.raises(SpecError) as caught:
        compile_expression(text, READ, "spec.attributes.items[0].source")
    message = caught.value.message
    assert caught.value.reason == "InvalidExpression", name
    assert message.startswith("spec.attributes.items[0].source: ")
    assert f"at character {at} " in message
    assert fix in message


def test_the_expression_is_quoted_in_the_refusal() -> None:
    with pytest.raises(SpecError, match=r"'user\.first \+'"):
        compile_expression("user.first + ", READ, "spec.x")


def test_a_plain_attribute_is_a_bare_itemgetter() -> None:
    compiled = compile_expression("user.last", READ)
    assert isinstance(compiled.evaluate, itemgetter)
    assert compiled.position == 1
    assert compiled.reads == frozenset({"last"})
    assert compile_expression("user.last + user.first", READ).position is None


def test_every_attribute_that_is_read_is_told() -> None:
    text = '!user.flag ? String.append(user.first, "x") : user.count - user.share > 1 ? "a" : user.last'
    assert compile_expression(text, READ).reads == {"flag", "first", "count", "share", "last"}


def test_a_result_is_bounded() -> None:
    text = 'String.replace(user.first, "a", user.last)'
    profile = ("a" * 5_000, "b" * 5_000, None, True, 12, 1.5)
    result = compile_expression(text, READ).evaluate(profile)
    assert isinstance(result, str)
    assert len(result) == MAX_RESULT


@given(st.text(max_size=60))
def test_no_text_does_anything_but_compile_or_be_refused(text: str) -> None:
    try:
        compiled = compile_expression(text, READ, "spec.x")
    except SpecError:
        return
    compiled.evaluate(PROFILE)


VALUES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20)


@given(st.sampled_from([row[1] for row in YIELDS]), st.lists(VALUES, min_size=6, max_size=6))
def test_no_profile_makes_an_expression_fail(text: str, profile: list[Value]) -> None:
    compile_expression(text, READ).evaluate(tuple(profile))


NO_JSON: tuple[tuple[str, tuple[int, float], Value | Unknown], ...] = (
    ('Convert.toNum("nan")', (1, 1.5), UNKNOWN),
    ('Convert.toNum("-inf")', (1, 1.5), UNKNOWN),
    ('Convert.toNum("1e999")', (1, 1.5), UNKNOWN),
    ('Convert.toNum("1_000")', (1, 1.5), UNKNOWN),
    ('Convert.toNum("²")', (1, 1.5), UNKNOWN),
    ('Convert.toNum(" 1.5 ")', (1, 1.5), 1.5),
    ("Convert.toNum(user.flag)", (1, 1.5), UNKNOWN),
    ('Convert.toInt("nan")', (1, 1.5), UNKNOWN),
    ("user.share + user.share", (1, 1.7e308), UNKNOWN),
    ("user.share - user.count", (-(10**400), 1.5), UNKNOWN),
    ("user.share + user.count", (10**400, 1.5), UNKNOWN),
    ("user.share - user.count", (1, 1.5), 0.5),
)
"""An expression, count and share, and what comes of it."""


@pytest.mark.parametrize(("text", "numbers", "told"), NO_JSON)
def test_no_expression_yields_a_number_that_json_cannot_carry(
    text: str, numbers: tuple[int, float], told: Value | Unknown
) -> None:
    profile = ("Ada", "Lovelace", None, True, *numbers)
    assert compile_expression(text, READ).evaluate(profile) == told


def test_a_huge_replacement_is_cut_while_it_is_made() -> None:
    nested = 'String.replace(user.first, "a", String.replace(user.first, "a", user.last))'
    result = compile_expression(nested, READ).evaluate(("a" * 16_000, "b" * 16_000, None, True, 1, 1.5))
    assert result == "b" * MAX_RESULT
    assert compile_expression('String.replace("abca", "a", "")', READ).evaluate(PROFILE) == "bc"
    assert compile_expression('String.replace("abca", "a", "xy")', READ).evaluate(PROFILE) == "xybcxy"
    assert compile_expression('String.replaceFirst("abca", "a", "x")', READ).evaluate(PROFILE) == "xbca"
