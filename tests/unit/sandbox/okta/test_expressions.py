"""Okta's expression language as mappings and username formats use it."""

from typing import Any

import pytest

from scim_sandbox.okta.expressions import ExpressionError, evaluate, parse, template_expression

ADA = {"firstName": "Ada", "lastName": "Lovelace", "email": "Ada.L@Example.com", "title": None, "level": 3}
SCOPE: dict[str, Any] = {"user": ADA, "source": ADA, "groups": {"Sales"}, "group_ids": {"00g1"}}


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("user.firstName", "Ada"),
        ("user.nothing", None),
        ("user.title", None),
        ('user.firstName + " " + user.lastName', "Ada Lovelace"),
        ("user.level + 1", 4),
        ("'It''s'", "It's"),
        ("String.toLowerCase(source.email)", "ada.l@example.com"),
        ("toUpperCase(user.firstName)", "ADA"),
        ('String.substringBefore(user.email, "@")', "Ada.L"),
        ('String.substringAfter(user.email, "@")', "Example.com"),
        ("String.substring(user.lastName, 0, 4)", "Love"),
        ('String.replace(user.email, ".", "_")', "Ada_L@Example_com"),
        ('String.replaceFirst(user.email, ".", "_")', "Ada_L@Example.com"),
        ('String.join("-", user.firstName, user.lastName)', "Ada-Lovelace"),
        ('String.removeSpaces("a b c")', "abc"),
        ("String.len(user.firstName)", 3),
        ('String.stringContains(user.email, "@Ex") ? "in" : "out"', "in"),
        ('user.title == null ? "none" : user.title', "none"),
        ('user.title ?: "none"', "none"),
        ('user.firstName == "Ada" AND user.lastName != "x" ? 1 : 2', 1),
        ('(user.firstName == "Bo" || String.startsWith(user.lastName, "L")) && !false', True),
        ('isMemberOfGroupName("Sales")', True),
        ('isMemberOfAnyGroup("00g2", "00g1")', True),
        ('isMemberOfGroup("00g2")', False),
        ('String.append("a", "b")', "ab"),
        ("1.5", 1.5),
    ],
)
def test_an_expression_has_its_value(expression: str, value: Any) -> None:
    assert evaluate(expression, SCOPE) == value


@pytest.mark.parametrize(
    "expression",
    [
        "",
        "user.",
        "user.a.b",
        "password",
        "user.firstName +",
        "(user.firstName",
        "user.firstName user.lastName",
        'user.firstName == "a" ? 1',
        "Danger.run()",
        "#",
        "x" * 5000,
        ")",
        "user.(",
    ],
)
def test_what_is_no_expression_is_refused(expression: str) -> None:
    with pytest.raises(ExpressionError):
        parse(expression)


def test_wrong_arguments_are_found_when_they_are_used() -> None:
    with pytest.raises(ExpressionError, match="does not take these arguments"):
        evaluate("String.toLowerCase(user.email, user.email)", SCOPE)


@pytest.mark.parametrize(
    ("template", "expression"),
    [
        ("${source.login}", "source.login"),
        ("${fn:toLowerCase(source.email)}", "String.toLowerCase(source.email)"),
        ("user.email", "user.email"),
    ],
)
def test_a_username_template_is_an_expression(template: str, expression: str) -> None:
    assert template_expression(template) == expression
