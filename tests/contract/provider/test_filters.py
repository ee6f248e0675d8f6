"""Filters and sorting in SQL find what scim2-models' own evaluator finds in memory, on both databases."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scim2_models import ScimFilter
from scim2_server.testing import SEARCH_FILTERS, SEARCH_SORTS, SEARCH_USERS
from sqlalchemy import select

from controller.provider.filters import SearchTarget, where
from controller.provider.profiles import resolve
from controller.provider.protocol import protocol_of
from controller.provider.tables import people
from tests.contract.provider.world import CALENDLY, USER, Client, user

PROTOCOL = protocol_of(resolve("rfc7643"), "secret")
MORE_USERS: list[dict[str, Any]] = [
    {"userName": "Łukasz", "displayName": "ŁUKASZ İ", "nickName": "Straße",
     "phoneNumbers": [{"value": "+48", "type": "work"}]},
    {"userName": 'quote"d', "title": "back\\slash", "locale": "en", CALENDLY: {"group": "Sales EMEA"}},
    {"userName": "zoë", "active": True, "roles": [{"value": "Admin", "primary": True}, {"value": "user"}]},
]  # fmt: skip
MORE_FILTERS = [
    'nickName eq "STRASSE"',
    'nickName sw "stra"',
    'displayName co "łuk"',
    'userName eq "quote\\"d"',
    'title eq "back\\\\slash"',
    f'{CALENDLY}:group eq "Sales EMEA"',
    f'{CALENDLY}:group eq "sales emea"',
    f"{CALENDLY}:group pr",
    f'schemas eq "{CALENDLY}"',
    'phoneNumbers[value co "48" and type eq "WORK"]',
    'roles[primary eq true and value eq "admin"]',
    'not (roles pr) and (title pr or nickName pr)',
    'roles.value ne "user"',
    'externalId eq "nobody"',
    'meta.resourceType eq "User"',
    'name.givenName sw "a" and not (emails[type eq "home" and not (primary pr)])',
    'emails.value sw ""',
    'id pr',
]  # fmt: skip


async def fill(client: Client) -> list[dict[str, Any]]:
    """Creates the users and answers them as they are stored."""
    for each in (*SEARCH_USERS, *MORE_USERS):
        extensions = [name for name in each if name.startswith("urn:")]
        body = user(each["userName"]) | each | {"schemas": [USER, *extensions]}
        if "active" not in each:
            del body["active"]
        answer = await client.scim("POST", "/Users", body)
        assert answer.status_code == 201, answer.text
    return (await client.scim("GET", "/Users")).json()["Resources"]


def expected(resources: list[dict[str, Any]], text: str) -> list[str]:
    """The userNames that the evaluator in memory finds."""
    typed: Any = ScimFilter
    parsed = typed[PROTOCOL.user](text)
    user: Any = PROTOCOL.user
    with PROTOCOL.provider:
        models = [user.model_validate(each) for each in resources]
        return [model.user_name for model in models if parsed.match(model)]


async def names(client: Client, **params: str) -> list[str]:
    """The userNames on a page."""
    answer = await client.scim("GET", "/Users", params=params)
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert found["totalResults"] == len(found["Resources"])
    return [each["userName"] for each in found["Resources"]]


async def test_every_operator_agrees_with_the_evaluator_in_memory(acme: Client) -> None:
    resources = await fill(acme)
    for text in (*SEARCH_FILTERS, *MORE_FILTERS):
        if "active" in text:  # an absent `active` counts as true here: the account is usable
            continue
        assert await names(acme, filter=text) == expected(resources, text), text


async def test_sorting_agrees_with_the_models(acme: Client) -> None:
    resources = await fill(acme)
    user: Any = PROTOCOL.user
    with PROTOCOL.provider:
        models = [user.model_validate(each) for each in resources]
    for path in (*SEARCH_SORTS, "emails", "roles", "title", "name.familyName", "meta.created"):
        for order in ("ascending", "descending"):
            request = PROTOCOL.user_search(sort_by=path, sort_order=order)
            found = await names(acme, sortBy=path, sortOrder=order)
            keys = {model.user_name: request.sort_value(model) for model in models}
            wanted = [keys[model.user_name] for model in request.sort(models)]
            if path != "active":
                assert [keys[name] for name in found] == wanted, (path, order)


ATOMS = [text for text in (*SEARCH_FILTERS, *MORE_FILTERS) if "active" not in text and " or " not in text]
TREES = st.recursive(
    st.sampled_from(ATOMS),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(lambda t: f"({t[0]} {t[1]} {t[2]})"),
        inner.map(lambda text: f"not ({text})"),
    ),
    max_leaves=5,
)


async def test_any_combination_agrees_with_the_evaluator_in_memory(acme: Client) -> None:
    resources = await fill(acme)
    seen: list[str] = []
    collect = settings(max_examples=40, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    collect(given(TREES)(lambda text: seen.append(text)))()
    for text in dict.fromkeys(seen):
        assert await names(acme, filter=text) == expected(resources, text), text


@pytest.mark.parametrize(
    "text",
    [
        "userName",
        "userName eq",
        "userName eq bare",
        'userName xx "a"',
        'nosuch eq "a"',
        "active gt true",
        'emails[type eq "work"',
        'userName[type eq "work"]',
        "(" * 40 + 'userName eq "a"' + ")" * 40,
        " or ".join(['userName eq "a"'] * 200),
        'userName eq "' + "x" * 10_000 + '"',
        'meta.created gt "yesterday"',
        'userName eq "\\ud800"',
        'title co "\\udfff"',
    ],
)
async def test_bad_filters_are_invalid_filter_and_never_everybody(acme: Client, text: str) -> None:
    await acme.new_user("ada@acme.com")
    answer = await acme.scim("GET", "/Users", params={"filter": text})
    assert answer.status_code == 400, answer.text
    assert answer.json()["scimType"] == "invalidFilter"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # PostgreSQL scans tables this small
async def test_keys_are_looked_up_by_index(acme: Client) -> None:
    await acme.new_user("ada@acme.com")
    lookups = (
        'userName eq "a"', 'externalId eq "a"', 'displayName eq "a"', 'emails.value eq "a"', 'id eq "a"',
        'emails[value eq "a" and type eq "work"]',
        'meta.lastModified gt "2026-01-01T00:00:00Z"', 'userName sw "a"',
        f'{CALENDLY}:group eq "a"',
    )  # fmt: skip
    for text in lookups:
        typed = PROTOCOL.user_filter(text)

        def job(unit: Any, typed: Any = typed) -> str:
            clause = where(typed.ast, typed, SearchTarget("User", PROTOCOL.user, "", "acme"), unit.dialect)
            statement = select(people.c.id).where(people.c.org_id == "acme", clause)
            compiled = statement.compile(dialect=unit.dialect)
            unit._cursor.execute("EXPLAIN QUERY PLAN " + str(compiled), compiled.params)
            return " ".join(str(row[3]) for row in unit._cursor.fetchall())

        plan = await acme.http._transport.app.database.read(job)  # type: ignore[attr-defined]
        assert "SEARCH people USING" in plan and "(org_id=?)" not in plan, (text, plan)
