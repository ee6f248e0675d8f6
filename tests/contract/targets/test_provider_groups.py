"""Groups and memberships against the bundled provider."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from controller.errors import Unauthorized, Unavailable
from controller.model.actions import Action, ActionKind, Outcome, Result, Touch
from controller.model.actual import GroupState
from controller.model.people import EVERYTHING, OktaId, Refresh
from controller.scim.groups import GroupClient
from controller.targets import provider_groups
from controller.targets.provider_people import ProviderPeople
from tests.contract.targets.conftest import Opener
from tests.contract.targets.world import World, action, apply, creation, make_desired, results


class Provider:
    """A world whose provider has groups, with people in it."""

    def __init__(self, world: World) -> None:
        self.world, self.target = world, ProviderPeople(world.scim.client)
        self.groups = GroupClient(world.scim.client)
        self.accounts: dict[str, str] = {}

    async def people(self, *names: str) -> None:
        made = [creation(f"00u{name}", f"{name}@acme.example") for name in names]
        for outcome in await apply(self.target, make_desired(self.world), [plain(one) for one in made]):
            assert outcome.result is Result.DONE, outcome
            self.accounts[outcome.action.subject] = outcome.remote_id

    async def group(self, name: str, *members: str) -> str:
        group_id = await self.groups.create(name)
        if members:
            await self.groups.change_members(group_id, (), [self.accounts[f"00u{one}"] for one in members])
        return group_id

    async def members(self, name: str) -> set[str]:
        """Who is in the only group of that name, without the domain."""
        names = {account: okta_id.removeprefix("00u") for okta_id, account in self.accounts.items()}
        ids = dict(await self.groups.names())
        return {names[one] for one in await self.groups.members(ids[name])}

    async def apply(self, *actions: Action) -> list[Outcome]:
        return await apply(self.target, make_desired(self.world), actions)

    def move(self, name: str, after: str, *before: str, **more: Any) -> Action:
        """`name` is put into `after` ("" for none), out of `before`."""
        okta_id = f"00u{name}"
        held = [("group " + one, "member") for one in before]
        kept: list[tuple[str, Any]] = [(field, None) for field, _ in held if field != "group " + after]
        joined = [("group " + after, "member")] if after else []
        more.setdefault("remote_id", self.accounts.get(okta_id, ""))
        kind = ActionKind.CHANGE_MEMBERSHIPS
        return Action(kind, okta_id, name, Touch.CHANGE, tuple(held), (*joined, *kept), "a test", **more)

    def patches(self) -> int:
        return sum(method == "PATCH" for method, path in self.world.calls("scim.example.test"))


def plain(one: Action) -> Action:
    """A creation without Calendly's own attribute."""
    after = tuple(field for field in one.after if not field[0].startswith("urn:"))
    return Action(one.kind, one.subject, one.label, one.touch, (), after, one.why)


def making(name: str) -> Action:
    return action(ActionKind.CREATE_PROVIDER_GROUP, name, {"displayName": name}, touch=Touch.SETTING)


async def provider(opened: Opener, *names: str) -> Provider:
    made = Provider(await opened(1, profile="rfc7643"))
    await made.people(*names)
    return made


async def test_groups_are_read_whole_and_only_those_asked_for_with_members(opened: Opener) -> None:
    one = await provider(opened, "a", "b")
    await one.group("Sales", "a", "b")
    await one.group("Board", "b")
    for number in range(210):
        await one.group(f"Team {number}")
    state = await one.target.observe_groups(make_desired(one.world), {"Sales", "Legal"}, EVERYTHING)
    assert len(state.ids) == 212 and state.fault == ""
    assert {name: set(held) for name, held in state.members.items()} == {"Sales": set(one.accounts.values())}


async def test_two_groups_of_one_name_are_told_and_not_opened(opened: Opener) -> None:
    one = await provider(opened, "a")

    async def names() -> list[tuple[str, str]]:
        return [("Sales", "g2"), ("Sales", "g1"), ("", "g3")]

    one.groups.names = names  # type: ignore[method-assign]
    state = await provider_groups.read_groups(one.groups, {"Sales"})
    assert (state.ids["Sales"], state.members) == (("g1", "g2"), {})


async def test_a_group_that_goes_while_it_is_read_is_not_there(opened: Opener) -> None:
    one = await provider(opened)

    async def names() -> list[tuple[str, str]]:
        return [("Sales", "nowhere")]

    one.groups.names = names  # type: ignore[method-assign]
    assert await provider_groups.read_groups(one.groups, {"Sales"}) == GroupState({}, {})


async def test_a_provider_without_groups_is_a_fault_and_no_error(opened: Opener) -> None:
    world = await opened(1)
    state = await ProviderPeople(world.scim.client).observe_groups(make_desired(world), {"Sales"}, EVERYTHING)
    assert "404" in state.fault and not state.ids


async def test_an_outage_is_an_error_and_no_fault(opened: Opener) -> None:
    one = await provider(opened)
    one.world.hosts.down.add("scim.example.test")
    with pytest.raises(Unavailable):
        await one.target.observe_groups(
            make_desired(one.world), {"Sales"}, Refresh(frozenset({OktaId("00ua")}))
        )


async def test_people_join_and_leave_and_everybody_else_stays(opened: Opener) -> None:
    one = await provider(opened, "a", "b", "c", "d")
    await one.group("Sales", "a", "d")
    await one.group("Legal", "c", "d")
    outcomes = await one.apply(
        one.move("a", "Legal", "Sales"), one.move("b", "Sales"), one.move("c", "", "Legal")
    )
    assert results(outcomes) == [Result.DONE] * 3
    assert (await one.members("Sales"), await one.members("Legal")) == ({"b", "d"}, {"a", "d"})


async def test_carried_out_twice_is_as_good_as_once(opened: Opener) -> None:
    one = await provider(opened, "a", "b")
    await one.group("Sales", "a")
    actions = [making("Legal"), one.move("a", "Legal", "Sales"), one.move("b", "Legal")]
    assert results([*await one.apply(*actions), *await one.apply(*actions)]) == [Result.DONE] * 6
    assert await one.members("Legal") == {"a", "b"}
    assert [name for name, _ in await one.groups.names()].count("Legal") == 1


async def test_a_group_and_an_account_that_this_run_makes_come_together(opened: Opener) -> None:
    one = await provider(opened)
    account = plain(creation("00un", "n@acme.example"))
    joining = one.move("n", "Sales", needs=(account.key, making("Sales").key))
    outcomes = await one.apply(account, making("Sales"), joining)
    assert results(outcomes) == [Result.DONE] * 3
    one.accounts["00un"] = outcomes[0].remote_id
    assert await one.members("Sales") == {"n"}


async def test_who_got_no_account_is_skipped(opened: Opener) -> None:
    one = await provider(opened, "a")
    await one.group("Sales")
    account = plain(creation("00ux", "a@acme.example"))
    outcomes = await one.apply(account, one.move("x", "Sales", needs=(account.key,)), one.move("a", "Sales"))
    assert [outcome.reason for outcome in outcomes[1:]] == ["DependencyFailed", ""]
    assert await one.members("Sales") == {"a"}


async def test_without_an_account_nobody_is_put_anywhere(opened: Opener) -> None:
    one = await provider(opened)
    await one.group("Sales")
    (outcome,) = await one.apply(one.move("x", "Sales"))
    assert (outcome.result, outcome.reason) == (Result.FAILED, "DependencyFailed")


async def test_many_are_moved_by_few_requests(opened: Opener) -> None:
    one = await provider(opened)
    await one.group("Sales")
    await one.group("Legal")
    names = [f"n{number:03}" for number in range(220)]
    await one.people(*names)
    await one.groups.change_members(dict(await one.groups.names())["Sales"], (), one.accounts.values())
    before = one.patches()
    outcomes = await one.apply(*(one.move(name, "Legal", "Sales") for name in names))
    assert set(results(outcomes)) == {Result.DONE} and one.patches() - before == 10
    assert (await one.members("Sales"), len(await one.members("Legal"))) == (set(), 220)


async def test_one_who_is_refused_fails_alone(opened: Opener) -> None:
    one = await provider(opened, "a", "b")
    await one.group("Sales")
    await one.group("Legal", "a")
    ghost = one.move("ghost", "Sales", "Legal", remote_id="nobody")
    outcomes = await one.apply(one.move("a", "Sales", "Legal"), ghost, one.move("b", "Sales"))
    found = {outcome.action.label: (outcome.result, outcome.reason) for outcome in outcomes}
    assert found["a"] == found["b"] == (Result.DONE, "")
    assert found["ghost"][0] is Result.FAILED
    assert await one.members("Sales") == {"a", "b"}


async def test_a_group_that_takes_nobody_is_not_tried_for_everybody(opened: Opener) -> None:
    one = await provider(opened, "a")
    await one.group("Sales")
    before = one.patches()
    outcomes = await one.apply(*(one.move(f"g{n}", "Sales", remote_id=f"no{n}") for n in range(200)))
    assert set(results(outcomes)) == {Result.FAILED}
    assert one.patches() - before <= 4 + provider_groups.MOST_REFUSALS


async def test_a_group_that_lacks_or_is_there_twice_takes_nobody(opened: Opener) -> None:
    one = await provider(opened, "a")
    (outcome,) = await one.apply(one.move("a", "Nowhere"))
    assert (outcome.result, outcome.reason) == (Result.FAILED, "NotFound")
    writer = provider_groups.GroupWriter(one.groups, {})

    async def names() -> list[tuple[str, str]]:
        return [("Sales", "g2"), ("Sales", "g1")]

    one.groups.names = names  # type: ignore[method-assign]
    with pytest.raises(Exception, match="several groups"):
        await writer.write(one.move("a", "Sales"))


async def test_leaving_a_group_that_is_gone_is_done(opened: Opener) -> None:
    one = await provider(opened, "a")
    await one.group("Legal")
    assert results(await one.apply(one.move("a", "Legal", "Gone"))) == [Result.DONE]


async def test_a_success_that_did_nothing_is_found_out(opened: Opener) -> None:
    one = await provider(opened, "a")
    await one.group("Sales")
    send = one.world.hosts.handle_async_request

    async def idle(request: httpx.Request) -> httpx.Response:
        return httpx.Response(204) if request.method == "PATCH" else await send(request)

    one.world.hosts.handle_async_request = idle  # type: ignore[method-assign]
    (outcome,) = await one.apply(one.move("a", "Sales"))
    assert (outcome.result, outcome.reason) == (Result.FAILED, "NotConfirmed")
    assert "not in the group 'Sales'" in outcome.message


async def test_a_group_that_comes_out_under_another_name_is_not_confirmed(opened: Opener) -> None:
    one = await provider(opened)
    send = one.world.hosts.handle_async_request

    async def renaming(request: httpx.Request) -> httpx.Response:
        if request.method != "POST":
            return await send(request)
        body = {**json.loads(request.content), "displayName": "Other"}
        headers = [(key, value) for key, value in request.headers.items() if key != "content-length"]
        return await send(httpx.Request("POST", request.url, headers=headers, json=body))

    one.world.hosts.handle_async_request = renaming  # type: ignore[method-assign]
    (outcome,) = await one.apply(making("Sales"))
    assert (outcome.reason, outcome.message) == ("NotConfirmed", "accepted, but the group is named 'Other'")


async def test_a_group_whose_answer_got_lost_is_found_and_not_made_again(opened: Opener) -> None:
    one = await provider(opened)
    one.world.hosts.lost_answers = 1
    assert results(await one.apply(making("Sales"))) == [Result.DONE]
    assert [name for name, _ in await one.groups.names()] == ["Sales"]


async def test_a_group_whose_creation_got_lost_is_told_as_an_outage(opened: Opener) -> None:
    one = await provider(opened)
    send = one.world.hosts.handle_async_request

    async def losing(request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            raise httpx.ReadTimeout("lost on the way")
        return await send(request)

    one.world.hosts.handle_async_request = losing  # type: ignore[method-assign]
    (outcome,) = await one.apply(making("Sales"))
    assert (outcome.result, outcome.reason) == (Result.FAILED, "Timeout")


async def test_memberships_that_the_providers_own_table_decides_are_refused_with_its_words(
    opened: Opener,
) -> None:
    one = await provider(opened, "a")
    await one.group("Sales")
    table = {"attribute": "group", "entries": [{"values": ["x"], "group": "Sales"}], "createGroups": "Never"}
    body = {**table, "unmapped": {"action": "Keep"}}
    _, digest = await one.world.admin.preview_group_mapping(body)
    await one.world.admin.save_group_mapping(body, digest)
    (outcome,) = await one.apply(one.move("a", "Sales"))
    assert outcome.result is Result.FAILED and "cannot be edited" in outcome.message


async def test_a_refused_credential_ends_the_run_with_every_action_told(opened: Opener) -> None:
    one = await provider(opened, "a")
    await one.group("Sales")
    one.world.hosts.deny.add("scim.example.test")
    told: list[Outcome] = []
    moves = [one.move(f"g{n}", "Sales", remote_id=f"no{n}") for n in range(60)]
    with pytest.raises(Unauthorized):
        await one.target.apply(make_desired(one.world), moves, told.append)
    assert results(told) == [Result.FAILED] * 50 + [Result.SKIPPED] * 10


async def test_an_outage_is_met_with_by_each_portion_once(opened: Opener) -> None:
    one = await provider(opened, "a")
    await one.group("Sales")
    one.world.hosts.down.add("scim.example.test")
    told: list[Outcome] = []
    moves = [one.move(f"g{n}", "Sales", remote_id=f"no{n}") for n in range(300)]
    with pytest.raises(Unavailable):
        await one.target.apply(make_desired(one.world), moves, told.append)
    assert results(told) == [Result.FAILED] * 250 + [Result.SKIPPED] * 50
