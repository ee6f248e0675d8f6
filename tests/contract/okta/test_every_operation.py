"""Every operation of Okta's document is served, and no body, however odd, breaks a route."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from controller.clock import ManualClock
from scim_sandbox.okta import apps, directory
from scim_sandbox.okta.app import ROUTES, build_app
from scim_sandbox.okta.calls import Route
from scim_sandbox.okta.seed import seed
from scim_sandbox.okta.store import Org
from scim_sandbox.people import generated
from tests.contract.okta.openapi import load_document

URL = "http://acme.okta.test"
ODD: list[Any] = [
    [],
    "text",
    5,
    None,
    {},
    {"profile": "text"},
    {"profile": {"login": 5, "email": [], "firstName": {}, "lastName": None, "name": 5}},
    {"profile": {"userName": {}, "title": ["a"]}, "credentials": "text"},
    {"credentials": {"userName": 5, "userNameTemplate": "x"}},
    {"credentials": {"userNameTemplate": {"template": 5, "type": []}, "password": "x"}},
    {"label": "A", "signOnMode": "SAML_2_0", "credentials": 5, "settings": "x"},
    {"label": "A", "signOnMode": "SAML_2_0", "credentials": {"userNameTemplate": {"template": 5}}},
    {"label": {}, "signOnMode": []},
    {"definitions": []},
    {"definitions": {"custom": [], "base": []}},
    {"definitions": {"custom": {"properties": [1]}, "base": {"properties": "x"}}},
    {"definitions": {"custom": {"properties": {"x": {"title": 5, "type": []}, "y": 5}}}},
    {"definitions": {"base": {"properties": {"userName": 5}}}},
    {"properties": []},
    {"properties": {"title": 5, "nickName": {"expression": 5, "pushStatus": []}}},
    {"create": 5, "update": "x"},
    {"create": {"lifecycleCreate": 5}, "update": {"profile": [], "password": 7}},
    {"importSettings": 5, "importRules": 5},
    {"id": 5, "scope": [], "profile": 5},
    {"id": "00uNobody", "scope": "USER", "credentials": []},
    {"priority": "high", "profile": 5},
    {"priority": True},
    [{"op": 5, "path": 5}, "x"],
    [{"op": "replace", "path": "/profile", "value": 5}],
    {"name": 5, "conditions": 5, "actions": []},
    {
        "name": "r",
        "conditions": {"expression": {"value": "true"}},
        "actions": {"assignUserToGroups": {"groupIds": [5]}},
    },
    {"name": "h", "events": 5, "channel": "x"},
    {
        "name": "h",
        "events": {"items": ["a"]},
        "channel": {"config": {"uri": "https://x", "headers": [5], "authScheme": 5}},
    },
    {
        "groupIds": [5, {}],
        "profile": {"login": "a@b.cd", "email": "a@b.cd", "firstName": "A", "lastName": "B"},
    },
    {"type": 5, "profile": {"login": "a@b.ce", "email": "a@b.ce", "firstName": "A", "lastName": "B"}},
    {
        "type": {"id": []},
        "profile": {"login": "a@b.cf", "email": "a@b.cf", "firstName": "A", "lastName": "B"},
    },
    {"baseUrl": 5, "profile": {"authScheme": "TOKEN", "token": 5}},
    {"baseUrl": 5, "profile": {"authScheme": []}},
]

WRITES = [route for route in ROUTES if route.method in ("POST", "PUT", "PATCH")]


@pytest.fixture
def org() -> Org:
    made = Org(URL, api_token="token", clock=ManualClock())
    seed(made, generated(12), assigned=8)
    zscaler = apps.create_app(made, "zscalerbyz", apps.saml_body("Zscaler 2.0"))
    zscaler.connection.status = "ENABLED"
    directory.add_rule(made, "rule", "true", [made.group_by_name("Calendly users").id])
    made.buckets.client_percent = 100
    made.buckets.limits = dict.fromkeys(made.buckets.limits, 1_000_000)
    return made


@pytest.fixture
async def client(org: Org) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(build_app(org), raise_app_exceptions=True)
    headers = {"authorization": "SSWS token"}
    async with httpx.AsyncClient(transport=transport, base_url=URL, headers=headers) as made:
        yield made


def fill(org: Org, template: str, label: str) -> str:
    """`template` with the ids of things that exist."""
    app = org.app_by_label(label)
    person = next(iter(app.users or org.users))
    hook = next(iter(org.hooks), "whoNone")
    names = {
        "appId": app.id,
        "userId": person,
        "id": person,
        "groupId": next(iter(org.app_by_label("Calendly").groups)),
        "featureName": "USER_PROVISIONING",
        "schemaId": "default",
        "typeId": "default",
        "mappingId": next(each.id for each in org.mappings.values() if each.target_id == app.id),
        "groupRuleId": next(iter(org.rules)),
        "hookId": hook,
        "action": "deactivate",
    }
    return template.format(**names)


def test_every_operation_of_the_document_is_served() -> None:
    assert load_document().operations() <= {(route.method, route.template) for route in ROUTES}


def test_each_route_needs_the_scope_that_the_document_names() -> None:
    for route in ROUTES:
        operation = load_document().operation(route.method, route.template)
        if operation is None:
            continue
        scopes = [scope for each in operation["security"] for scope in each.get("oauth2", [])]
        assert ([route.scope] if route.scope else []) == scopes, route.template


async def test_every_read_answers_by_the_document(client: httpx.AsyncClient, org: Org) -> None:
    reads = [route for route in ROUTES if route.method == "GET" and "eventHooks" not in route.template]
    for route in reads:
        answer = await client.get(
            fill(org, route.template, "Zscaler 2.0" if "feature" in route.template else "Calendly")
        )
        assert answer.status_code == 200, (route.template, answer.text)
        load_document().check(answer.request, answer)


@pytest.mark.parametrize("route", WRITES, ids=[f"{each.method} {each.template}" for each in WRITES])
async def test_no_body_breaks_a_route(client: httpx.AsyncClient, org: Org, route: Route) -> None:
    for path in [fill(org, route.template, label) for label in ("Calendly", "Zscaler 2.0")]:
        for body in ODD:
            answer = await client.request(route.method, path, json=body)
            assert answer.status_code < 500, (body, answer.text)
            if answer.status_code >= 400 and "oauth2" not in path:
                load_document().check(answer.request, answer)
