"""OktaApp against the simulated org."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from pydantic import SecretStr

from controller.model.actions import ActionKind, Result
from controller.targets.app_lookup import AppLookup
from controller.targets.okta_app import OktaApp
from scim_sandbox.okta import apps
from tests.contract.targets.conftest import Opener
from tests.contract.targets.world import World, action, apply, make_desired, results

ATTRIBUTE = {
    "title": "Calendly group",
    "externalName": "group",
    "externalNamespace": "urn:calendly:scim:schemas:2.0:User",
    "scope": "SELF",
}
EMAIL = {"template": "${source.email}", "type": "BUILT_IN"}
LOGIN = {"template": "${source.login}", "type": "BUILT_IN"}


def target(world: World, token: str = "") -> OktaApp:
    client = world.okta.client
    return OktaApp(client, AppLookup(client), world.clock, SecretStr(token) if token else None)


def by_okta(world: World, **more: Any) -> Any:
    return make_desired(world, by="Okta", **more)


async def test_the_app_is_read_with_its_user_types(opened: Opener) -> None:
    world = await opened(1)
    state = await target(world).observe(make_desired(world))
    assert (state.app_id, state.label, state.sign_on_mode) == (world.app.id, "Calendly", "SAML_2_0")
    assert state.username_template == "${source.email}" and not state.is_pushing
    assert list(state.user_types.values()) == ["default"]
    assert {"login", "department", "displayName"} <= state.user_attributes
    assert state.attributes is None and state.mappings is None and state.connection_status == ""


async def test_where_okta_provisions_schema_mappings_and_connection_are_read(opened: Opener) -> None:
    world = await opened(1)
    state = await target(world).observe(by_okta(world))
    assert state.connection_status == "UNKNOWN"
    assert state.attributes is not None and state.mappings is not None
    (mapping,) = state.mappings
    assert mapping.user_type == "default" and mapping.properties


async def test_a_refresh_costs_one_call_and_keeps_what_it_does_not_read(opened: Opener) -> None:
    world = await opened(1)
    one = target(world)
    known = await one.observe(make_desired(world, by="Okta"))
    before = len(world.hosts.calls)
    world.app.body["label"] = "Calendly, renamed"
    state = await one.refresh(make_desired(world, by="Okta"), known)
    assert len(world.hosts.calls) - before == 1
    assert state == replace(known, label="Calendly, renamed")


async def test_an_attribute_is_added_mapped_unmapped_and_removed(opened: Opener) -> None:
    world = await opened(1)
    one, desired = target(world), by_okta(world)
    add = action(ActionKind.ADD_APP_ATTRIBUTE, "calendlyGroup", ATTRIBUTE)
    assert results(await apply(one, desired, [add, add])) == [Result.DONE] * 2
    (mapping,) = (await one.observe(desired)).mappings or ()
    mapped = {"calendlyGroup": "user.department", "calendlyGroup.pushStatus": "PUSH"}
    put = action(ActionKind.SET_MAPPING, mapping.mapping_id, mapped)
    assert results(await apply(one, desired, [put])) == [Result.DONE]
    state = await one.observe(desired)
    assert ("calendlyGroup", "group") in [(a.name, a.external_name) for a in state.attributes or ()]
    assert state.mappings and state.mappings[0].properties["calendlyGroup"] == ("user.department", "PUSH")
    remove = action(ActionKind.REMOVE_APP_ATTRIBUTE, "calendlyGroup", {})
    (refused,) = await apply(one, desired, [remove])
    assert refused.result is Result.FAILED
    unmap = action(ActionKind.SET_MAPPING, mapping.mapping_id, {"calendlyGroup": None})
    assert results(await apply(one, desired, [unmap, remove])) == [Result.DONE] * 2


async def test_an_attribute_still_being_deleted_is_waited_for(opened: Opener) -> None:
    world = await opened(1, attribute_deletion_seconds=8.0)
    one, desired = target(world), by_okta(world)
    add = action(ActionKind.ADD_APP_ATTRIBUTE, "calendlyGroup", ATTRIBUTE)
    remove = action(ActionKind.REMOVE_APP_ATTRIBUTE, "calendlyGroup", {})
    assert results(await apply(one, desired, [add, remove, add])) == [Result.DONE] * 3


async def test_a_deletion_that_never_ends_fails_with_words(opened: Opener) -> None:
    world = await opened(1)
    one, desired = target(world), by_okta(world)
    add = action(ActionKind.ADD_APP_ATTRIBUTE, "calendlyGroup", ATTRIBUTE)
    remove = action(ActionKind.REMOVE_APP_ATTRIBUTE, "calendlyGroup", {})
    await apply(one, desired, [add])
    world.org.faults.add({"kind": "stuck-deletion"})
    outcomes = await apply(one, desired, [remove, add])
    assert outcomes[-1].result is Result.FAILED and "incomplete" in outcomes[-1].message


async def test_the_username_format_is_set_by_a_whole_replacement(opened: Opener) -> None:
    world = await opened(1)
    change = action(ActionKind.SET_USERNAME_FORMAT, world.app.id, LOGIN)
    raw = await world.okta.client.app(world.app.id)
    assert results(await apply(target(world), by_okta(world), [change])) == [Result.DONE]
    now = await world.okta.client.app(world.app.id)
    assert now["credentials"]["userNameTemplate"]["template"] == "${source.login}"
    assert now.get("settings") == raw.get("settings")


async def test_an_app_that_okta_pushes_is_not_replaced_unless_allowed(opened: Opener) -> None:
    world = await opened(1)
    apps.set_to_app(world.org, world.app, create=True, update=True, deactivate=True)
    change = action(ActionKind.SET_USERNAME_FORMAT, world.app.id, LOGIN)
    (refused,) = await apply(target(world), by_okta(world), [change])
    assert (refused.reason, world.calls("acme.okta.example", "PUT")) == ("AppReplaceRefused", [])
    allowed = by_okta(world, allow_app_replace=True)
    assert results(await apply(target(world), allowed, [change])) == [Result.DONE]


async def test_features_that_vanish_with_a_replacement_raise_an_alarm(opened: Opener) -> None:
    world = await opened(1, put_wipes_scim=True)
    world.app.connection.by_hand = True
    apps.set_to_app(world.org, world.app, create=True, update=True, deactivate=True)
    change = action(ActionKind.SET_USERNAME_FORMAT, world.app.id, LOGIN)
    (outcome,) = await apply(target(world), by_okta(world, allow_app_replace=True), [change])
    assert (outcome.result, outcome.reason) == (Result.FAILED, "FeaturesLost")
    assert "PUSH_NEW_USERS" in outcome.message


async def test_a_connection_that_the_api_does_not_reach_is_a_manual_step(opened: Opener) -> None:
    world = await opened(1)
    connect = action(ActionKind.ENABLE_CONNECTION, world.app.id, {"baseUrl": "https://scim.example.test/x"})
    (outcome,) = await apply(target(world, "secret-token"), by_okta(world), [connect])
    assert (outcome.result, outcome.reason) == (Result.FAILED, "ManualStepRequired")
    assert world.writes() == []


async def test_where_the_api_reaches_connection_and_switches_are_set(opened: Opener) -> None:
    world = await opened(1)
    other = apps.create_app(world.org, "zscalerbyz", apps.saml_body("Zscaler 2.0"))
    one, desired = target(world, "secret-token"), by_okta(world, app_id=other.id)
    connect = action(ActionKind.ENABLE_CONNECTION, other.id, {"baseUrl": "https://scim.example.test/x"})
    switches = {"create": "ENABLED", "update": "ENABLED", "deactivate": "DISABLED"}
    (done, switched) = await apply(one, desired, [connect, action(ActionKind.SET_TO_APP, other.id, switches)])
    assert (done.result, switched.result) == (Result.DONE, Result.DONE), (done.message, switched.message)
    assert "secret-token" not in repr((done, switched))
    off = action(ActionKind.DISABLE_CONNECTION, other.id, {"status": "DISABLED"})
    (outcome,) = await apply(one, desired, [off])
    assert (outcome.result, other.connection.status) == (Result.DONE, "DISABLED")
    await apply(one, desired, [connect])
    path = f"/api/v1/apps/{other.id}/connections/default/lifecycle/deactivate"
    world.org.faults.add({"kind": "drop", "method": "POST", "path": path})
    (outcome,) = await apply(one, desired, [off])
    assert (outcome.reason, outcome.message) == ("NotConfirmed", "accepted, but the connection is still on")


@pytest.mark.parametrize("kind", ["drop", "lost-answer"])
async def test_what_becomes_of_a_mapping_is_read_not_believed(opened: Opener, kind: str) -> None:
    world = await opened(1)
    one, desired = target(world), by_okta(world)
    (mapping,) = (await one.observe(desired)).mappings or ()
    world.org.faults.add({"kind": kind, "method": "POST", "path": "/api/v1/mappings/*", "times": 1})
    name = next(iter(mapping.properties))
    (outcome,) = await apply(one, desired, [action(ActionKind.SET_MAPPING, mapping.mapping_id, {name: None})])
    assert outcome.result is (Result.FAILED if kind == "drop" else Result.DONE)
