"""Event hooks: registered, verified by a challenge, delivered to."""

from collections.abc import Mapping
from typing import Any

import httpx
import pytest

from scim_sandbox.okta.hooks import Deliveries
from scim_sandbox.okta.outbound import NoAnswer, Reply
from scim_sandbox.okta.records import AppRecord
from scim_sandbox.okta.store import Org

URI = "https://operator.example.com/okta"


class Receiver:
    """Answers challenges and keeps what is posted."""

    def __init__(self) -> None:
        self.posts: list[tuple[Mapping[str, str], dict[str, Any]]] = []
        self.unreachable = 0
        self.echoes = True

    async def __call__(self, method: str, url: str, headers: Mapping[str, str], body: Any) -> Reply:
        assert url == URI
        if self.unreachable:
            self.unreachable -= 1
            raise NoAnswer("nobody there")
        if method == "GET":
            challenge = headers["x-okta-verification-challenge"]
            return Reply(200, body={"verification": challenge if self.echoes else "no"})
        self.posts.append((headers, body))
        return Reply(204)


@pytest.fixture
def receiver(org: Org) -> Receiver:
    org.send = Receiver()
    return org.send


def registration(**changes: Any) -> dict[str, Any]:
    secret = {"type": "HEADER", "key": "Authorization", "value": "shared-secret"}
    config = {"uri": URI, "authScheme": secret, "headers": [{"key": "X-Org", "value": "acme"}]}
    return {
        "name": "operator",
        "events": {"type": "EVENT_TYPE", "items": ["group.user_membership.add"]},
        "channel": {"type": "HTTP", "version": "1.0.0", "config": config},
        **changes,
    }


async def test_a_verified_hook_is_told_of_its_events(
    client: httpx.AsyncClient, org: Org, app: AppRecord, receiver: Receiver
) -> None:
    deliveries = Deliveries(org, receiver)
    made = (await client.post("/api/v1/eventHooks", json=registration())).json()
    assert made["verificationStatus"] == "UNVERIFIED" and "shared-secret" not in str(made)
    group = org.group_by_name("Sales")
    one, other = [each for each in org.users if each not in org.members[group.id]][:2]
    await client.put(f"/api/v1/groups/{group.id}/users/{one}")
    assert await deliveries.deliver() == 0
    verified = await client.post(f"/api/v1/eventHooks/{made['id']}/lifecycle/verify")
    assert verified.json()["verificationStatus"] == "VERIFIED"
    await client.put(f"/api/v1/groups/{group.id}/users/{other}")
    assert await deliveries.deliver() == 1
    headers, body = receiver.posts[0]
    assert (headers["authorization"], headers["x-org"]) == ("shared-secret", "acme")
    assert body["eventType"] == "com.okta.event_hook"
    assert [event["eventType"] for event in body["data"]["events"]] == ["group.user_membership.add"]


async def test_a_receiver_that_does_not_echo_is_not_verified(
    client: httpx.AsyncClient, org: Org, receiver: Receiver
) -> None:
    made = (await client.post("/api/v1/eventHooks", json=registration())).json()
    url = f"/api/v1/eventHooks/{made['id']}/lifecycle/verify"
    receiver.echoes = False
    assert "did not return the verification" in (await client.post(url)).text
    receiver.unreachable = 1
    assert "could not be reached" in (await client.post(url)).text
    org.send = None
    assert (await client.post(url)).status_code == 500


async def test_a_delivery_that_finds_nobody_is_tried_once_more(
    client: httpx.AsyncClient, org: Org, receiver: Receiver
) -> None:
    deliveries = Deliveries(org, receiver)
    made = (await client.post("/api/v1/eventHooks", json=registration())).json()
    await client.post(f"/api/v1/eventHooks/{made['id']}/lifecycle/verify")
    group = org.group_by_name("Sales")
    for user_id, failures in zip(
        [u for u in org.users if u not in org.members[group.id]], (1, 2), strict=False
    ):
        receiver.unreachable = failures
        await client.put(f"/api/v1/groups/{group.id}/users/{user_id}")
        await deliveries.deliver()
    assert len(receiver.posts) == 1


async def test_hooks_are_listed_changed_turned_off_and_deleted(
    client: httpx.AsyncClient, receiver: Receiver
) -> None:
    made = (await client.post("/api/v1/eventHooks", json=registration())).json()
    url = f"/api/v1/eventHooks/{made['id']}"
    await client.post(f"{url}/lifecycle/verify")
    assert [each["id"] for each in (await client.get("/api/v1/eventHooks")).json()] == [made["id"]]
    changed = registration(name="other")
    changed["channel"]["config"]["uri"] = "https://elsewhere.example.com/"
    assert (await client.put(url, json=changed)).json()["verificationStatus"] == "UNVERIFIED"
    assert (await client.delete(url)).status_code == 400
    assert (await client.post(f"{url}/lifecycle/deactivate")).json()["status"] == "INACTIVE"
    assert (await client.post(f"{url}/lifecycle/fly")).status_code == 405
    assert (await client.delete(url)).status_code == 204
    assert (await client.get(url)).status_code == 404


@pytest.mark.parametrize(
    "changes",
    [{"name": ""}, {"events": {"items": []}}, {"channel": {"config": {"uri": "ftp://x"}}}, {"channel": None}],
)
async def test_a_wrong_hook_is_refused(client: httpx.AsyncClient, changes: dict[str, Any]) -> None:
    assert (await client.post("/api/v1/eventHooks", json=registration(**changes))).status_code == 400
