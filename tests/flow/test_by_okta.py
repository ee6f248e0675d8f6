"""Okta pushes: what its API refuses is told to a person click by click, and goes away once it shows as
done."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from controller.api import FINALIZER
from controller.kube.client import JSON
from controller.kube.manifests import resource_path
from controller.settings import Settings
from scim_sandbox.actors import Hands
from scim_sandbox.run import Setup, World, open_world
from tests.flow.conftest import Flow, condition, says

pytestmark = pytest.mark.asyncio(loop_scope="module")
INTEGRATION = ("ScimIntegration", "calendly")
SETTINGS = Settings(allow_http_loopback=True, metrics_port=0, log_poll_seconds=5)
GROUP = "urn:calendly:scim:schemas:2.0:User:group"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    async with open_world(Setup(tmp_path_factory.mktemp("world"), settings=SETTINGS)) as opened:
        yield opened


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def flow(world: World) -> AsyncIterator[Flow]:
    """One for the whole module: each test goes on where the one before it ended."""
    made = Flow(world)
    await made.begin()
    yield made
    await made.clean()
    await made.aclose()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def admin(world: World) -> AsyncIterator[Hands]:
    """An administrator of the provider, for what the demo has no words for."""
    access = world.access
    hands = Hands(access.scim_admin_url, "admin", f"Bearer {access.scim_admin_token}")
    yield hands
    await hands.aclose()


async def issue(admin: Hands) -> dict[str, str]:
    """A new token for Okta: its id and its value."""
    made: dict[str, str] = await admin.send("POST", "/tokens", {"name": "okta", "scopes": ["scim"]})
    return made


async def buy(admin: Hands, seats: int) -> None:
    await admin.send("POST", "/billing/seats", {"purchased": seats})


async def console(flow: Flow, step: str, **more: Any) -> Any:
    """A person in the Admin Console."""
    return await flow.okta_send("POST", "/_control/console", {"app": "Calendly", "step": step, **more})


def steps(body: JSON) -> dict[str, JSON]:
    return {step["id"]: step for step in body["status"].get("manualSteps") or []}


async def app(flow: Flow) -> JSON:
    (found,) = await flow.okta_send("GET", "/api/v1/apps?q=Calendly")
    return found


async def deactivations(admin: Hands) -> list[JSON]:
    """What the provider's journal tells of people who were deactivated."""
    journal = await admin.send("GET", "/journal", limit="500")
    return [one for one in journal["entries"] if (one.get("after") or {}).get("active") is False]


async def active(flow: Flow) -> set[str]:
    """userNames of the people whose account is active."""
    return {one["userName"] for one in await flow.provider.people() if one["active"]}


async def outsiders(flow: Flow) -> list[str]:
    """Logins of the people who have no account at the provider."""
    users = await flow.okta_send("GET", "/api/v1/users?limit=200")
    have = {one["userName"] for one in await flow.provider.people()}
    return [one["profile"]["login"] for one in users if one["profile"]["email"] not in have]


TOKEN: dict[str, str] = {}


def oktas_secret(flow: Flow) -> JSON:
    """The Secret with the token that a person types into Okta."""
    secret = flow.example("Secret", "calendly-scim", metadata={"name": "calendly-okta"})
    return {**secret, "stringData": {"token": TOKEN["token"]}}


async def test_what_the_api_refuses_is_told_click_by_click(flow: Flow, admin: Hands) -> None:
    await console(flow, "username-format", template="${source.login}")
    TOKEN.update(await issue(admin))
    spec = {
        "provisioning": {"by": "Okta", "actions": ["Create", "Update", "Deactivate"]},
        "provider": {"oktaTokenRef": {"name": "calendly-okta", "key": "token"}},
    }
    await flow.apply(oktas_secret(flow))
    for (kind, _), body in flow.quickstart.items():
        if kind != "SeatLimit":
            await flow.apply(flow.example(kind, spec=spec) if kind == "ScimIntegration" else body)
    body = await flow.until(*INTEGRATION, says("Configured", "False", "ManualStepRequired"))
    found = steps(body)
    assert list(found) == ["okta-connection", "okta-to-app"]
    told = found["okta-connection"]
    assert told["where"] == "Okta: Applications > Calendly > Provisioning > Integration"
    assert f"Base URL: {flow.world.access.scim_base_url}." in told["instructions"]
    assert "the value of the key token in the Secret default/calendly-okta" in told["instructions"]
    assert "select Enable for Create Users" in found["okta-to-app"]["instructions"]
    assert condition(body, "Reconciling")["reason"] == "WaitingForPerson"
    assert TOKEN["token"] not in str(body)


async def test_what_the_api_does_is_done_before_okta_pushes(flow: Flow) -> None:
    template = (await app(flow))["credentials"]["userNameTemplate"]
    assert template["template"] == "${source.email}"
    app_id = (await app(flow))["id"]
    schema = await flow.okta_send("GET", f"/api/v1/meta/schemas/apps/{app_id}/default")
    attribute = schema["definitions"]["custom"]["properties"]["calendlyGroup"]
    assert (attribute["externalName"], attribute["externalNamespace"]) == tuple(
        reversed(GROUP.rpartition(":")[::2])
    )
    (listed,) = await flow.okta_send("GET", f"/api/v1/mappings?targetId={app_id}")
    mapping = await flow.okta_send("GET", f"/api/v1/mappings/{listed['id']}")
    kept = {name: one["expression"] for name, one in mapping["properties"].items() if name != "userName"}
    assert kept == {
        "givenName": "user.firstName",
        "familyName": "user.lastName",
        "email": "user.email",
        "displayName": "user.displayName",
        "calendlyGroup": "user.department",
    }


async def test_a_step_that_was_done_goes_away_by_itself(flow: Flow) -> None:
    access = flow.world.access
    await console(flow, "enable-provisioning", baseUrl=access.scim_base_url, token=TOKEN["token"])
    body = await flow.until(*INTEGRATION, lambda b: "okta-connection" not in steps(b))
    assert list(steps(body)) == ["okta-to-app"]
    await console(flow, "to-app")
    body = await flow.until(*INTEGRATION, says("Ready", "True", "Succeeded"))
    assert list(steps(body)) == ["okta-reapply-mappings"], body["status"]
    assert steps(body)["okta-reapply-mappings"]["title"] == "Apply the attribute mappings to 40 people"
    await console(flow, "apply-mappings")
    body = await flow.until(*INTEGRATION, says("InSync", "True", "InSync"))
    assert steps(body) == {} and body["status"]["people"]["provisioned"] == 40
    assert sorted(body["status"]["app"]["features"]) == [
        "PUSH_NEW_USERS", "PUSH_PROFILE_UPDATES", "PUSH_USER_DEACTIVATION", "REACTIVATE_USERS",
        "SCIM_PROVISIONING",
    ]  # fmt: skip


async def test_a_push_that_failed_is_told_with_oktas_reason_until_it_is_retried(
    flow: Flow, admin: Hands
) -> None:
    await buy(admin, 40)
    outsider = (await outsiders(flow))[0]
    await flow.okta.assign([outsider])
    body = await flow.until(*INTEGRATION, lambda b: "okta-retry-tasks" in steps(b))
    assert "of 1 person" in steps(body)["okta-retry-tasks"]["title"]
    (failure,) = body["status"]["failures"]
    assert (failure["what"], failure["action"], failure["reason"]) == (outsider, "Push", "PushFailed")
    assert "seat" in failure["message"].lower()
    assert condition(body, "InSync")["reason"] == "PeopleFailed"
    await buy(admin, 60)
    await console(flow, "retry-tasks")
    body = await flow.until(*INTEGRATION, says("InSync", "True", "InSync"))
    assert body["status"].get("failures", []) == [] and steps(body) == {}


async def test_a_connection_that_breaks_is_told_from_the_log(flow: Flow, admin: Hands) -> None:
    issued = await issue(admin)
    await admin.send("DELETE", f"/tokens/{TOKEN['id']}")
    login = (await flow.provider.people())[0]["userName"]
    await flow.okta.change(login, displayName="Somebody Else")
    body = await flow.until(*INTEGRATION, lambda b: "okta-connection-trouble" in steps(b))
    step = steps(body)["okta-connection-trouble"]
    assert step["verifiedBy"] == "Log" and "401" in step["instructions"]
    TOKEN.update(issued)
    await flow.apply(oktas_secret(flow))
    base_url = flow.world.access.scim_base_url
    await console(flow, "enable-provisioning", baseUrl=base_url, token=TOKEN["token"])
    await flow.until(*INTEGRATION, lambda b: "okta-connection-trouble" not in steps(b))
    await console(flow, "retry-tasks")
    await flow.until(*INTEGRATION, says("InSync", "True", "InSync"))


async def test_switching_over_to_the_seat_group_deactivates_nobody(flow: Flow, admin: Hands) -> None:
    before = await active(flow)
    assert len(before) == 41
    await flow.apply(flow.example("SeatLimit", spec={"seats": 45}))
    group = {"through": "SeatGroup", "seatGroup": {"name": "Calendly seats"}}
    await flow.patch(*INTEGRATION, {"spec": {"assignments": group}})
    body = await flow.until(*INTEGRATION, says("InSync", "False", "AwaitingApproval"))
    kinds = body["status"]["plan"]["summary"]
    assert kinds == {"CreateSeatGroup": 1, "AssignGroup": 1, "AddToSeatGroup": 41, "UnassignGroup": 1}
    await flow.annotate(*INTEGRATION, approve=body["status"]["plan"]["digest"])
    await flow.until(*INTEGRATION, says("InSync", "True", "InSync"))
    app_id = (await app(flow))["id"]
    assigned = await flow.okta_send("GET", f"/api/v1/apps/{app_id}/groups?expand=group")
    assert [one["_embedded"]["group"]["profile"]["name"] for one in assigned] == ["Calendly seats"]
    assert await active(flow) == before
    assert await deactivations(admin) == []


async def test_whoever_has_no_seat_is_not_pushed_and_waits(flow: Flow) -> None:
    await flow.okta.assign((await outsiders(flow))[:6])
    body = await flow.until(
        "SeatLimit", "calendly", lambda b: (b.get("status") or {}).get("seats", {}).get("waiting") == 2
    )
    assert condition(body, "WithinCapacity")["reason"] in ("AtCapacity", "OverCapacity")
    await flow.until(*INTEGRATION, lambda b: b["status"]["people"]["provisioned"] == 45)
    assert len(await active(flow)) == 45


async def test_deprovisioning_undoes_what_was_set_up_and_nothing_else(flow: Flow) -> None:
    """The last test of the module: what it leaves behind is what was there before the operator."""
    await flow.patch(*INTEGRATION, {"spec": {"deletionPolicy": "Deprovision"}})
    settled = says("Ready", "True", "Succeeded")
    body = await flow.until(
        *INTEGRATION, lambda b: FINALIZER in b["metadata"].get("finalizers", ()) and settled(b)
    )
    app_id, features = (await app(flow))["id"], (await app(flow))["features"]
    await flow.api.delete(resource_path(flow.quickstart[INTEGRATION], "default"))
    body = await flow.until(*INTEGRATION, says("InSync", "False", "SafetyThresholdExceeded"))
    kinds = body["status"]["plan"]["summary"]
    assert kinds == {"UnassignGroup": 1, "DeactivateAccount": 45}, "settings need no yes and wait for these"
    assert len(await active(flow)) == 45
    await flow.annotate(*INTEGRATION, approve=body["status"]["plan"]["digest"])
    await flow.until_gone(resource_path(flow.quickstart[INTEGRATION], "default"))
    event = await flow.until_event("calendly", "Deprovisioned")
    assert event["message"] == (
        "45 accounts were deactivated; 4 assignments and settings in Okta were undone"
    )
    assert await active(flow) == set()
    assert await flow.okta_send("GET", f"/api/v1/apps/{app_id}/groups") == []
    assert await flow.okta_send("GET", f"/api/v1/apps/{app_id}/users") == []
    names = {one["profile"]["name"] for one in await flow.okta_send("GET", "/api/v1/groups?limit=200")}
    assert "Calendly seats" not in names and "Calendly users" in names
    schema = await flow.okta_send("GET", f"/api/v1/meta/schemas/apps/{app_id}/default")
    assert "calendlyGroup" not in schema["definitions"]["custom"].get("properties", {})
    assert (await app(flow))["features"] == features, "a person has switched those"
