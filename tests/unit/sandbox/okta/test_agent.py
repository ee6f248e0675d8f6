"""The agent pushes SCIM as Okta does, waits when told to, and leaves failures as tasks."""

import copy
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

import httpx
import pytest

from controller.clock import ManualClock
from scim_sandbox.okta import console, directory
from scim_sandbox.okta.agent import Agent
from scim_sandbox.okta.outbound import NoAnswer, Reply
from scim_sandbox.okta.records import AppRecord
from scim_sandbox.okta.store import Org

BASE = "https://scim.example.com/v2"


class Scim:
    """A SCIM service in a dictionary, that can be told to fail."""

    def __init__(self) -> None:
        self.users: dict[str, dict[str, Any]] = {}
        self.calls: list[tuple[str, str, Any]] = []
        self.failures: list[Reply | NoAnswer] = []
        self.headers: Mapping[str, str] = {}

    async def __call__(self, method: str, url: str, headers: Mapping[str, str], body: Any) -> Reply:
        path, self.headers = url.removeprefix(BASE), headers
        self.calls.append((method, unquote(path), copy.deepcopy(body)))
        if self.failures:
            failure = self.failures.pop(0)
            if isinstance(failure, NoAnswer):
                raise failure
            return failure
        return self.answer(method, unquote(path), body)

    def answer(self, method: str, path: str, body: Any) -> Reply:
        wanted = re.search(r'userName eq "(.*)"&', path)
        if path.startswith("/Users?"):
            rows = [user for user in self.users.values() if not wanted or user["userName"] == wanted.group(1)]
            return Reply(200, body={"totalResults": len(rows), "Resources": rows})
        if method == "POST":
            made = {**body, "id": f"scim-{len(self.users) + 1}", "meta": {"resourceType": "User"}}
            made.pop("password"), made.pop("groups")
            self.users[made["id"]] = made
            return Reply(201, body=made)
        user = self.users.get(path.removeprefix("/Users/"))
        if user is None:
            return Reply(404, body={"detail": "no such user"})
        if method == "PUT":
            user.clear()
            user.update(body)
        if method == "PATCH":
            user.update(body["Operations"][0]["value"])
        return Reply(200, body=user)


@pytest.fixture
def scim(org: Org) -> Scim:
    org.send = Scim()
    return org.send


@pytest.fixture
def agent(org: Org, scim: Scim) -> Agent:
    return Agent(org, scim)


async def connect(org: Org, **more: Any) -> None:
    step = {"app": "Calendly", "step": "enable-provisioning", "baseUrl": BASE, "token": "bearer", **more}
    await console.perform(org, step)
    await console.perform(org, {"app": "Calendly", "step": "to-app"})


def methods(scim: Scim) -> list[str]:
    return [method for method, _, _ in scim.calls]


async def test_everybody_assigned_is_looked_up_and_created(
    org: Org, app: AppRecord, agent: Agent, scim: Scim
) -> None:
    await connect(org)
    assert await agent.run_due() == 40 and len(scim.users) == 40
    assert methods(scim) == ["GET"] + ["GET", "POST"] * 40
    record = next(iter(app.users.values()))
    assert (record.status, record.sync_state) == ("PROVISIONED", "SYNCHRONIZED")
    assert scim.users[str(record.external_id)]["externalId"] == record.id
    events = [event for event in org.log.events if event["eventType"] == "application.provision.user.push"]
    assert len(events) == 40 and events[0]["outcome"]["result"] == "SUCCESS"
    assert org.tasks == {}


async def test_a_create_bears_what_okta_always_sends(org: Org, agent: Agent, scim: Scim) -> None:
    await connect(org)
    await agent.run_due()
    _, path, body = scim.calls[2]
    assert path == "/Users" and body["groups"] == [] and body["active"] is True and body["locale"] == "en-US"
    assert body["password"] and body["emails"] == [
        {"primary": True, "value": body["userName"], "type": "work"}
    ]
    assert set(body["name"]) == {"givenName", "familyName"} and "title" not in body
    assert scim.headers["user-agent"] == "Okta SCIM Client 1.0.0"
    assert scim.headers["authorization"] == "Bearer bearer"
    assert scim.headers["content-type"] == "application/scim+json; charset=utf-8"
    assert scim.calls[0][1] == "/Users?startIndex=1&count=2"
    assert scim.calls[1][1].endswith("&startIndex=1&count=100")


async def test_a_custom_attribute_goes_into_its_namespace_mapped_or_not(
    client: httpx.AsyncClient, org: Org, app: AppRecord, agent: Agent, scim: Scim
) -> None:
    urn = "urn:calendly:scim:schemas:2.0:User"
    app.schema.custom["calendlyGroup"] = {"externalName": "group", "externalNamespace": urn}
    one = next(iter(app.users))
    app.users[one].profile.update({"calendlyGroup": "Sales", "title": "Lead"})
    org.quirks.push_empty = True
    await connect(org)
    await agent.run_due()
    user = scim.users[str(app.users[one].external_id)]
    assert user[urn] == {"group": "Sales"} and urn in user["schemas"]
    assert (user["title"], user["nickName"]) == ("Lead", "")


async def test_somebody_who_is_there_already_is_taken_over_even_when_inactive(
    org: Org, app: AppRecord, agent: Agent, scim: Scim
) -> None:
    one = next(iter(app.users.values()))
    scim.users["old"] = {"id": "old", "userName": one.user_name, "active": False, "nickName": "kept"}
    await connect(org)
    await agent.run_due()
    assert one.external_id == "old" and scim.users["old"]["active"] is True
    assert scim.users["old"]["nickName"] == "kept"
    assert "application.provision.user.reactivate" in {event["eventType"] for event in org.log.events}


async def test_a_profile_change_is_read_and_put(
    client: httpx.AsyncClient, org: Org, app: AppRecord, agent: Agent, scim: Scim
) -> None:
    await connect(org)
    await agent.run_due()
    scim.calls.clear()
    one = next(iter(app.users.values()))
    await client.post(f"/api/v1/users/{one.id}", json={"profile": {"lastName": "Changed"}})
    assert one.sync_state == "SYNCING"
    await agent.run_due()
    assert methods(scim) == ["GET", "PUT"] and one.sync_state == "SYNCHRONIZED"
    assert scim.users[str(one.external_id)]["name"]["familyName"] == "Changed"


@pytest.mark.parametrize(
    ("style", "sent"), [("OIN", ["PATCH"]), ("AIW", ["GET", "PUT"]), ("PATCH", ["PATCH"])]
)
async def test_who_loses_the_assignment_is_deactivated_as_the_integration_does_it(
    client: httpx.AsyncClient, org: Org, app: AppRecord, agent: Agent, scim: Scim, style: str, sent: list[str]
) -> None:
    await connect(org, style=style)
    await agent.run_due()
    scim.calls.clear()
    one = next(iter(app.users.values()))
    await client.post(f"/api/v1/users/{one.id}/lifecycle/deactivate")
    await agent.run_due()
    assert methods(scim) == sent and scim.users[str(one.external_id)]["active"] is False


async def test_a_change_while_somebody_is_being_created_is_pushed_after_it(
    org: Org, app: AppRecord, agent: Agent, scim: Scim
) -> None:
    await connect(org)
    one = next(iter(app.users.values()))

    async def slow(method: str, url: str, headers: Mapping[str, str], body: Any) -> Reply:
        if method == "POST" and body["externalId"] == one.id:
            directory.update_user(org, org.users[one.id], {"lastName": "Meanwhile"})
        return await scim(method, url, headers, body)

    await Agent(org, slow).run_due()
    assert await agent.run_due() == 1 and org.tasks == {}
    assert scim.users[str(one.external_id)]["name"]["familyName"] == "Meanwhile"


async def test_who_loses_the_assignment_while_being_created_is_deactivated(
    org: Org, app: AppRecord, agent: Agent, scim: Scim
) -> None:
    await connect(org)
    one, group = next(iter(app.users.values())), org.group_by_name("Calendly users")

    async def slow(method: str, url: str, headers: Mapping[str, str], body: Any) -> Reply:
        if method == "POST" and body["externalId"] == one.id:
            directory.remove_member(org, group, org.users[one.id])
        return await scim(method, url, headers, body)

    await Agent(org, slow).run_due()
    assert await agent.run_due() == 1 and org.tasks == {}
    assert scim.users[str(one.external_id)]["active"] is False


async def test_suspending_sends_nothing(
    client: httpx.AsyncClient, org: Org, app: AppRecord, agent: Agent, scim: Scim
) -> None:
    await connect(org)
    await agent.run_due()
    scim.calls.clear()
    await client.post(f"/api/v1/users/{next(iter(app.users))}/lifecycle/suspend")
    await agent.run_due()
    assert scim.calls == []


async def test_a_person_who_is_not_active_yet_waits(
    client: httpx.AsyncClient, org: Org, app: AppRecord, agent: Agent, scim: Scim
) -> None:
    await connect(org)
    await agent.run_due()
    profile = {"login": "ada@acme.com", "email": "ada@acme.com", "firstName": "Ada", "lastName": "L"}
    made = await client.post("/api/v1/users?activate=false", json={"profile": profile})
    user_id, group = made.json()["id"], org.group_by_name("Calendly users")
    await client.put(f"/api/v1/groups/{group.id}/users/{user_id}")
    assert app.users[user_id].status == "STAGED" and await agent.run_due() == 0
    await client.post(f"/api/v1/users/{user_id}/lifecycle/activate")
    assert await agent.run_due() == 1 and app.users[user_id].status == "PROVISIONED"


async def test_a_429_is_repeated_with_doubling_waits_and_then_fails(
    org: Org, app: AppRecord, agent: Agent, scim: Scim, clock: ManualClock
) -> None:
    await connect(org)
    for task_id in list(org.tasks)[1:]:
        del org.tasks[task_id]
    task, waits = next(iter(org.tasks.values())), list[float]()
    while task.state != "FAILED":
        scim.failures = [Reply(429, {"retry-after": "2"})]
        assert await agent.run_due() == 1
        waits.append(task.due - clock.monotonic())
        clock.advance(max(0.0, task.due - clock.monotonic()))
    assert waits[:4] == [2, 4, 8, 16] and task.attempts == 10
    assert app.users[task.user_id].sync_state == "ERROR"


async def test_without_retry_after_five_minutes_are_waited(
    org: Org, agent: Agent, scim: Scim, clock: ManualClock
) -> None:
    await connect(org)
    scim.failures = [Reply(429, {"retry-after": "soon"})]
    await agent.run_due()
    task = next(iter(org.tasks.values()))
    assert (task.state, task.due - clock.monotonic()) == ("WAITING", 300) and agent.next_due() == task.due


FAILURES = [
    ([Reply(500)], "HTTP 500"),
    ([NoAnswer("connection refused")], "connection refused"),
    ([Reply(200, body={})], "HTTP 200"),
    ([Reply(404), Reply(403, body={"detail": "no seats left"})], "no seats left"),
    ([Reply(404), Reply(201)], "the answer has no id"),
    ([Reply(404), Reply(409, body={"detail": "taken"})], "taken"),
    ([Reply(401)], "HTTP 401"),
]


@pytest.mark.parametrize(("failures", "words"), FAILURES)
async def test_another_failure_stays_a_task_until_a_person_retries(
    org: Org, app: AppRecord, agent: Agent, scim: Scim, failures: list[Any], words: str
) -> None:
    await connect(org)
    scim.failures = list(failures)
    await agent.run_due()
    (task,) = org.tasks.values()
    record = app.users[task.user_id]
    assert (task.state, record.status, record.sync_state) == ("FAILED", "STAGED", "ERROR")
    assert words in task.reason
    failed = [event for event in org.log.events if event["outcome"]["reason"] == task.reason]
    assert failed[0]["eventType"] == "application.provision.user.push"
    assert await agent.run_due() == 0
    assert (await console.perform(org, {"app": app.id, "step": "retry-tasks"}))["done"] == 1
    await agent.run_due()
    assert org.tasks == {} and record.status == "PROVISIONED"


async def test_a_401_is_told_in_the_log_of_the_integration(org: Org, agent: Agent, scim: Scim) -> None:
    await connect(org)
    scim.failures = [Reply(401)]
    await agent.run_due()
    kinds = {event["eventType"] for event in org.log.events}
    assert "application.integration.authentication_failure" in kinds


async def test_wrong_credentials_are_found_before_they_are_saved(
    org: Org, app: AppRecord, scim: Scim
) -> None:
    cases: list[Reply | NoAnswer] = [
        Reply(401, body={"detail": "bad token"}),
        Reply(200, body={"totalResults": "0"}),
        Reply(429),
        NoAnswer("no such host"),
    ]
    step = {"app": app.id, "step": "enable-provisioning", "baseUrl": BASE, "token": "bearer"}
    for case in cases:
        scim.failures = [case]
        with pytest.raises(Exception, match="connector configuration could not be tested"):
            await console.perform(org, step)
    assert app.connection.status == "DISABLED" and app.features == []
    assert org.log.events[-1]["eventType"] == "application.configuration.update"


async def test_those_assigned_before_may_have_to_be_provisioned_by_hand(
    org: Org, app: AppRecord, agent: Agent, scim: Scim
) -> None:
    org.quirks.push_existing = False
    await connect(org)
    assert await agent.run_due() == 0
    assert (await console.perform(org, {"app": app.id, "step": "provision-users"}))["done"] == 40
    assert await agent.run_due() == 40


async def test_an_integration_that_patches_sends_no_put(
    client: httpx.AsyncClient, org: Org, app: AppRecord, agent: Agent, scim: Scim
) -> None:
    await connect(org, style="PATCH")
    await agent.run_due()
    scim.calls.clear()
    one = next(iter(app.users.values()))
    await client.post(f"/api/v1/users/{one.id}", json={"profile": {"displayName": "Changed"}})
    await agent.run_due()
    ((method, _, body),) = scim.calls
    assert method == "PATCH" and "path" not in body["Operations"][0]
    assert scim.users[str(one.external_id)]["displayName"] == "Changed"


@pytest.mark.parametrize("style", ["OIN", "AIW"])
async def test_a_leaver_who_is_gone_already_is_no_failure(
    client: httpx.AsyncClient, org: Org, app: AppRecord, agent: Agent, scim: Scim, style: str
) -> None:
    await connect(org, style=style)
    await agent.run_due()
    one = next(iter(app.users.values()))
    del scim.users[str(one.external_id)]
    await client.post(f"/api/v1/users/{one.id}/lifecycle/deactivate")
    await agent.run_due()
    assert org.tasks == {}


@pytest.mark.parametrize("failures", [[Reply(500)], [Reply(200, body={}), Reply(400)]])
async def test_a_push_that_is_refused_leaves_an_error(
    client: httpx.AsyncClient, org: Org, app: AppRecord, agent: Agent, scim: Scim, failures: list[Reply]
) -> None:
    await connect(org)
    await agent.run_due()
    one = next(iter(app.users.values()))
    scim.failures = list(failures)
    await client.post(f"/api/v1/users/{one.id}", json={"profile": {"displayName": "Changed"}})
    await agent.run_due()
    (task,) = org.tasks.values()
    assert (task.kind, task.state, one.status, one.sync_state) == ("update", "FAILED", "PROVISIONED", "ERROR")
    await client.post(f"/api/v1/users/{one.id}", json={"profile": {"displayName": "Again"}})
    await agent.run_due()
    assert org.tasks == {} and one.sync_state == "SYNCHRONIZED"


async def test_a_deactivation_that_fails_is_a_task_of_its_own(
    client: httpx.AsyncClient, org: Org, app: AppRecord, agent: Agent, scim: Scim
) -> None:
    await connect(org)
    await agent.run_due()
    one = next(iter(app.users.values()))
    scim.failures = [Reply(500)]
    await client.post(f"/api/v1/users/{one.id}/lifecycle/deactivate")
    await agent.run_due()
    (task,) = org.tasks.values()
    assert (task.kind, task.state) == ("deactivate", "FAILED") and "HTTP 500" in task.reason


async def test_tasks_of_a_connection_that_is_off_are_forgotten(
    org: Org, app: AppRecord, agent: Agent, scim: Scim
) -> None:
    await connect(org)
    app.connection.status = "DISABLED"
    scim.calls.clear()
    await agent.run_due()
    assert org.tasks == {} and scim.calls == []
