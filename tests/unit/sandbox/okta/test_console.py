"""What only a person can do, in the Admin Console."""

from typing import Any

import httpx
import pytest

from scim_sandbox.okta import console
from scim_sandbox.okta.problems import OktaProblem
from scim_sandbox.okta.records import AppRecord
from scim_sandbox.okta.store import Org

ENABLE = {"app": "Calendly", "step": "enable-provisioning", "baseUrl": "https://x.example.com", "token": "t"}


async def test_provisioning_is_set_up_and_seen_in_the_features(
    raw: httpx.AsyncClient, app: AppRecord
) -> None:
    assert (await raw.post("/_control/console", json=ENABLE)).status_code == 200
    assert app.features == ["SCIM_PROVISIONING"]
    body = {"app": app.id, "step": "to-app", "deactivate": False}
    done = (await raw.post("/_control/console", json=body)).json()["done"]
    assert done == {"create": True, "update": True, "deactivate": False, "pushed": 40}
    shown = (await raw.get(f"/api/v1/apps/{app.id}")).json()["features"]
    assert set(shown) == {"SCIM_PROVISIONING", "PUSH_NEW_USERS", "PUSH_PROFILE_UPDATES"}
    tasks = (await raw.get("/_control/tasks")).json()["tasks"]
    assert len(tasks) == 40 and {task["kind"] for task in tasks} == {"create"}
    await raw.post("/_control/console", json={"app": app.id, "step": "disable-provisioning"})
    assert app.features == [] and (await raw.get("/_control/tasks")).json()["tasks"] == []


@pytest.mark.parametrize(
    ("step", "words"),
    [
        ({**ENABLE, "app": "Nothing"}, "0 apps have the label or id 'Nothing'"),
        ({**ENABLE, "style": "SOAP"}, "must be one of OIN"),
        ({**ENABLE, "token": ""}, "baseUrl and token cannot be left blank"),
        ({"app": "Calendly", "step": "to-app"}, "Provisioning is not enabled"),
        ({"step": "set-user-status", "status": "HAPPY"}, "must be one of LOCKED_OUT"),
        ({"step": "add-user-type", "name": "user"}, "must be new"),
        ({"step": "add-user-attribute"}, "cannot be left blank"),
        ({"step": "add-group-rule", "expression": "(("}, "conditions"),
        ({"step": "fly"}, "none of enable-provisioning"),
    ],
)
async def test_a_wrong_step_is_refused_with_words(raw: httpx.AsyncClient, step: Any, words: str) -> None:
    answer = await raw.post("/_control/console", json=step)
    assert answer.status_code == 400 and words in answer.json()["error"]


async def test_individual_assignments_are_converted(org: Org, app: AppRecord) -> None:
    for record in list(app.users.values())[:3]:
        record.scope = "USER"
    assert (await console.perform(org, {"app": app.id, "step": "convert-assignments"}))["done"] == 3
    assert {record.scope for record in app.users.values()} == {"GROUP"}


async def test_the_username_format_is_set_by_hand(org: Org, app: AppRecord) -> None:
    template = "${fn:toLowerCase(source.email)}"
    await console.perform(org, {"app": app.id, "step": "username-format", "template": template})
    assert app.body["credentials"]["userNameTemplate"] == {"template": template, "type": "BUILT_IN"}


async def test_the_world_can_be_made_awkward(org: Org) -> None:
    await console.perform(org, {"step": "add-app", "label": "Calendly"})
    with pytest.raises(OktaProblem, match="2 apps have the label"):
        await console.perform(org, ENABLE)
    await console.perform(org, {"step": "add-app-group", "name": "Sales"})
    assert len([g for g in org.groups.values() if g.profile["name"] == "Sales"]) == 2
    await console.perform(org, {"step": "add-user-attribute", "name": "squad"})
    assert "squad" in org.default_type().custom
    group = org.group_by_name("Sales")
    rule = {"step": "add-group-rule", "name": "r", "expression": "true", "groups": [group.id]}
    await console.perform(org, rule)
    assert org.member_count(group.id) == 60
    with pytest.raises(OktaProblem):
        await console.perform(org, {"step": "set-user-type", "user": next(iter(org.users)), "type": "x"})
