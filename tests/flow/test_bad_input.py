"""Everything a person can get wrong: a condition and an event name the field and the fix."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from scim_sandbox.serving import Served, serve
from tests.flow.conftest import JSON, Flow, condition, says

pytestmark = pytest.mark.asyncio(loop_scope="module")

BOOKMARK = {"app": {"url": "https://www.example.com", "requestIntegration": False}}
APP = {"okta": {"app": {"label": "Calendly"}}}


async def applied(flow: Flow, **change: JSON) -> None:
    """The quickstart with its integration's spec changed."""
    for (kind, _), body in flow.quickstart.items():
        changed = flow.example(kind, spec=change) if kind == "ScimIntegration" else body
        await flow.apply(changed)


async def stuck(flow: Flow, kind: str, status: str, reason: str, *words: str) -> JSON:
    """The integration once `kind` says so, in words that hold `words`; Ready is False for the same reason, an
    event tells it, and nobody's data was touched."""
    body = await flow.until("ScimIntegration", "calendly", says(kind, status, reason))
    told = condition(body, kind)["message"]
    assert [word for word in words if word not in told] == [], told
    assert condition(body, "Ready")["status"] == "False"
    assert "Traceback" not in told
    await flow.until_event("calendly", reason)
    assert await flow.okta_writes() == []
    assert await flow.provider.people() == []
    return body


async def test_a_missing_secret_is_waited_for(flow: Flow) -> None:
    secret = flow.example("Secret", "calendly-scim")
    await flow.apply(
        *(body for body in flow.quickstart.values() if body["metadata"]["name"] != "calendly-scim")
    )
    await stuck(
        flow, "ReferencesResolved", "False", "SecretNotFound", "spec.provider.auth.secretRef", "calendly-scim"
    )
    await flow.patch("ScimIntegration", "calendly", {"spec": {"mode": "Observe"}})
    await flow.apply(secret)
    body = await flow.until("ScimIntegration", "calendly", says("Ready", "True", "Succeeded"))
    assert condition(body, "InSync")["reason"] == "DriftDetected"


async def test_a_missing_key_is_named(flow: Flow) -> None:
    await applied(flow, provider={"auth": {"secretRef": {"key": "bearer"}}})
    await stuck(
        flow,
        "ReferencesResolved",
        "False",
        "SecretNotFound",
        "spec.provider.auth.secretRef",
        "key bearer",
        "kubectl patch secret",
    )


async def test_a_secret_is_not_sent_to_a_host_that_it_does_not_name(flow: Flow) -> None:
    hosts = {"annotations": {"scim-operator.dev/allowed-hosts": "elsewhere.example.com"}}
    bodies = [body for body in flow.quickstart.values() if body["metadata"]["name"] != "calendly-scim"]
    await flow.apply(flow.example("Secret", "calendly-scim", metadata=hosts), *bodies)
    await stuck(
        flow,
        "CredentialsValid",
        "False",
        "HostNotAllowed",
        "kubectl annotate",
        "scim-operator.dev/allowed-hosts",
    )


async def test_a_wrong_url_is_told_as_what_it_is(flow: Flow) -> None:
    url = "http://127.0.0.1:9/scim/v2/acme"
    secret = {"annotations": {"scim-operator.dev/allowed-hosts": "127.0.0.1:9"}}
    for (kind, name), body in flow.quickstart.items():
        changed = {
            ("Secret", "calendly-scim"): {"metadata": secret},
            ("ScimIntegration", "calendly"): {"spec": {"provider": {"baseUrl": url}}},
        }
        await flow.apply(flow.example(kind, name, **changed[kind, name]) if (kind, name) in changed else body)
    await stuck(flow, "Ready", "False", "ConnectionRefused", "127.0.0.1", "refused")


async def test_an_unknown_app_label_is_quoted(flow: Flow) -> None:
    await applied(flow, okta={"app": {"label": "Calendlyy"}})
    await stuck(flow, "ReferencesResolved", "False", "AppNotFound", "spec.okta.app", "Calendlyy")


async def test_two_apps_of_one_label_are_told_apart_by_id(flow: Flow) -> None:
    store = flow.world.org
    app = store.app_by_label("Calendly")
    twin = await flow.okta_send(
        "POST",
        "/api/v1/apps",
        {"name": "bookmark", "label": "Calendly", "signOnMode": "BOOKMARK", "settings": BOOKMARK},
    )
    try:
        await applied(flow)
        await stuck(flow, "ReferencesResolved", "False", "AppAmbiguous", "spec.okta.app", app.id, twin["id"])
    finally:
        await flow.okta_send("POST", f"/api/v1/apps/{twin['id']}/lifecycle/deactivate")
        await flow.okta_send("DELETE", f"/api/v1/apps/{twin['id']}")


async def test_an_expression_outside_the_subset_is_quoted(flow: Flow) -> None:
    items = [{"target": "displayName", "source": "Time.now()"}]
    await applied(flow, attributes={"items": items})
    await stuck(flow, "Stalled", "True", "InvalidExpression", "spec.attributes.items[0].source", "Time.now")


async def test_an_unknown_source_attribute_is_named(flow: Flow) -> None:
    items = [{"target": "displayName", "source": "user.nickname"}]
    await applied(flow, attributes={"items": items})
    await stuck(flow, "Stalled", "True", "UnknownAttribute", "nickname")


async def test_two_integrations_on_one_app_the_later_yields(flow: Flow) -> None:
    await applied(flow, mode="Observe")
    await flow.until("ScimIntegration", "calendly", says("Ready", "True", "Succeeded"))
    await asyncio.sleep(1.1)  # the API server's creation times have whole seconds
    await flow.apply(flow.example("ScimIntegration", metadata={"name": "later"}))
    body = await flow.until("ScimIntegration", "later", says("Stalled", "True", "Conflict"))
    assert "default/calendly" in condition(body, "Stalled")["message"]
    assert await flow.okta_writes() == []


async def test_one_tenant_in_two_spellings_has_one_writer(flow: Flow) -> None:
    app = flow.world.org.app_by_label("Calendly")
    url = flow.world.access.scim_base_url.replace("127.0.0.1", "localhost").replace("/scim", "//%73cim")
    other = {"okta": {"app": {"id": app.id, "label": None}}, "provider": {"baseUrl": url}}
    await applied(flow, mode="Observe")
    later = flow.example("ScimIntegration", metadata={"name": "spelled"}, spec={"mode": "Observe", **other})
    await asyncio.sleep(1.1)  # the API server's creation times have whole seconds
    await flow.apply(later)
    body = await flow.until("ScimIntegration", "spelled", says("Stalled", "True", "Conflict"))
    assert "default/calendly" in condition(body, "Stalled")["message"]
    await flow.api.delete(f"{flow._collection('ScimIntegration')}/calendly")
    await flow.until("ScimIntegration", "spelled", says("Ready", "True", "Succeeded"))


async def test_a_value_that_two_mappings_claim_is_told_on_both(flow: Flow) -> None:
    await applied(flow, mode="Observe")
    rows = [{"values": ["Engineering"], "providerGroup": "Builders"}]
    await flow.apply(flow.example("GroupMapping", metadata={"name": "second"}, spec={"mappings": rows}))
    for name, other in (("second", "departments"), ("departments", "second")):
        body = await flow.until("GroupMapping", name, says("Stalled", "True", "ValueClaimedTwice"))
        assert "Engineering" in condition(body, "Stalled")["message"]
        assert other in condition(body, "Stalled")["message"]
    await flow.until("ScimIntegration", "calendly", says("Ready", "True", "Succeeded"))


async def test_of_two_seat_limits_the_later_yields(flow: Flow) -> None:
    await applied(flow, mode="Observe")
    await flow.until("SeatLimit", "calendly", says("Ready", "True", "Succeeded"))
    await asyncio.sleep(1.1)  # the API server's creation times have whole seconds
    await flow.apply(flow.example("SeatLimit", metadata={"name": "second"}))
    body = await flow.until("SeatLimit", "second", says("Stalled", "True", "Conflict"))
    assert "calendly" in condition(body, "Stalled")["message"]
    await flow.until("SeatLimit", "calendly", says("Ready", "True", "Succeeded"))


async def test_references_that_lead_nowhere_are_told_where_they_stand(flow: Flow) -> None:
    await flow.apply(flow.quickstart["GroupMapping", "departments"], flow.quickstart["SeatLimit", "calendly"])
    for kind, name in (("GroupMapping", "departments"), ("SeatLimit", "calendly")):
        body = await flow.until(kind, name, says("ReferencesResolved", "False", "IntegrationNotFound"))
        assert "calendly" in condition(body, "Ready")["message"]
    await flow.apply(flow.example("ScimIntegration", spec={"mode": "Observe"}))
    await stuck(flow, "ReferencesResolved", "False", "OrgNotFound", "spec.okta.orgRef", "acme")


async def test_a_token_that_the_provider_refuses(flow: Flow) -> None:
    wrong = flow.example("Secret", "calendly-scim", stringData={"token": "not-the-token"})
    bodies = [body for body in flow.quickstart.values() if body["metadata"]["name"] != "calendly-scim"]
    await flow.apply(wrong, *bodies)
    body = await stuck(flow, "CredentialsValid", "False", "CredentialsRejected", "401")
    assert condition(body, "Stalled")["reason"] == "CredentialsRejected"
    await flow.patch("ScimIntegration", "calendly", {"spec": {"mode": "Observe"}})
    await flow.apply(flow.quickstart["Secret", "calendly-scim"])
    await flow.until("ScimIntegration", "calendly", says("CredentialsValid", "True", "Accepted"))


async def test_a_token_that_okta_refuses_is_told_on_the_org_too(flow: Flow) -> None:
    wrong = flow.example("Secret", "okta-api", stringData={"apiToken": "not-the-token"})
    bodies = [body for body in flow.quickstart.values() if body["metadata"]["name"] != "okta-api"]
    await flow.apply(wrong, *bodies)
    await stuck(flow, "CredentialsValid", "False", "CredentialsRejected")
    body = await flow.until("OktaOrg", "acme", says("CredentialsValid", "False", "CredentialsRejected"))
    assert condition(body, "Ready")["status"] == "False"


async def html(_: Request) -> Response:
    return HTMLResponse("<html><body>Sign in</body></html>")


async def nothing(_: Request) -> Response:
    return Response(b"")


@pytest.mark.parametrize(("answer", "reason"), [(html, "NotJson"), (nothing, "NotScim")])
async def test_a_provider_that_does_not_speak_scim(flow: Flow, answer: Any, reason: str) -> None:
    served: Served = await serve(Starlette(routes=[Route("/{path:path}", answer, methods=["GET", "POST"])]))
    host = served.url.removeprefix("http://")
    secret = {"metadata": {"annotations": {"scim-operator.dev/allowed-hosts": host}}}
    try:
        for (kind, name), body in flow.quickstart.items():
            if kind == "ScimIntegration":
                provider = {"baseUrl": f"{served.url}/scim", "admin": None}
                body = flow.example(kind, spec={"provider": provider})
            await flow.apply(flow.example(kind, name, **secret) if name == "calendly-scim" else body)
        await stuck(flow, "Ready", "False", reason)
    finally:
        await served.stop()
