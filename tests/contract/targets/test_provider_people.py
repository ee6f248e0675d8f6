"""ProviderPeople against the bundled provider."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from controller.errors import Rejected, Unauthorized, Unavailable
from controller.model.actions import ActionKind, Result
from controller.model.people import OktaId, ScimId
from controller.planning.base.desired import Profile
from controller.scim.failures import ForeignNotFound
from controller.targets.base import Sought
from controller.targets.provider_people import ProviderPeople
from tests.contract.targets.conftest import Opener
from tests.contract.targets.world import GROUP, World, action, apply, creation, make_desired, results

STYLES = ("Pathless", "Path", "Put")


def target(world: World) -> ProviderPeople:
    return ProviderPeople(world.scim.client)


def styled(world: World, style: Any, **more: Any) -> Any:
    return make_desired(world, profile=Profile("generic", None, patch=style, **more))


async def test_a_created_account_is_read_back_as_planning_sees_it(opened: Opener) -> None:
    world = await opened()
    made = creation()
    outcomes = await apply(target(world), make_desired(world), [made])
    state = await target(world).observe(make_desired(world))
    assert results(outcomes) == [Result.DONE]
    (account,) = state.accounts
    assert (account.external_id, account.user_name, account.active) == (made.subject, made.label, True)
    assert account.values == ("Ada", "Lovelace", made.label, "Ada Lovelace", "Sales")
    assert outcomes[0].remote_id == account.scim_id


async def test_creating_twice_makes_one_account(opened: Opener) -> None:
    world = await opened()
    made = creation()
    await apply(target(world), make_desired(world), [made])
    outcomes = await apply(target(world), make_desired(world), [made])
    assert results(outcomes) == [Result.DONE]
    assert len((await target(world).observe(make_desired(world))).accounts) == 1


async def test_an_account_whose_answer_got_lost_is_found_and_not_made_again(opened: Opener) -> None:
    world = await opened()
    world.hosts.lost_answers = 1
    outcomes = await apply(target(world), make_desired(world), [creation(), creation()])
    assert results(outcomes) == [Result.DONE] * 2
    assert len((await target(world).observe(make_desired(world))).accounts) == 2


async def test_a_user_name_that_is_another_persons_is_refused(opened: Opener) -> None:
    world = await opened()
    await apply(target(world), make_desired(world), [creation("00uA", "same@acme.example")])
    (outcome,) = await apply(target(world), make_desired(world), [creation("00uB", "same@acme.example")])
    assert (outcome.result, outcome.reason) == (Result.FAILED, "AlreadyExists")


@pytest.mark.parametrize("style", STYLES)
async def test_fields_are_changed_and_taken_away(opened: Opener, style: str) -> None:
    world = await opened(profile="rfc7643")
    made = creation()
    (first,) = await apply(target(world), styled(world, style), [made])
    change = action(
        ActionKind.UPDATE_ACCOUNT, made.subject,
        {"name.givenName": "Grace", "displayName": None, "emails[primary]": "grace@acme.example"},
        before={"name.givenName": "Ada", "displayName": "Ada Lovelace", "emails[primary]": made.label},
        remote_id=first.remote_id,
    )  # fmt: skip
    outcomes = await apply(target(world), styled(world, style), [change])
    (account,) = (await target(world).observe(styled(world, style))).accounts
    assert results(outcomes) == [Result.DONE]
    assert account.values[:4] == ("Grace", "Lovelace", "grace@acme.example", None)


@pytest.mark.parametrize("style", STYLES)
async def test_the_extension_is_changed_alone(opened: Opener, style: str) -> None:
    world = await opened()
    made = creation()
    (first,) = await apply(target(world), styled(world, style), [made])
    change = action(ActionKind.UPDATE_ACCOUNT, made.subject, {GROUP: "Support"}, before={GROUP: "Sales"},
                    remote_id=first.remote_id)  # fmt: skip
    assert results(await apply(target(world), styled(world, style), [change])) == [Result.DONE]
    (account,) = (await target(world).observe(make_desired(world))).accounts
    assert account.values[-1] == "Support" and account.values[0] == "Ada"


@pytest.mark.parametrize("style", STYLES)
async def test_an_account_is_deactivated_and_reactivated(opened: Opener, style: str) -> None:
    world = await opened()
    made = creation()
    (first,) = await apply(target(world), styled(world, style), [made])
    for kind, active in ((ActionKind.DEACTIVATE_ACCOUNT, False), (ActionKind.REACTIVATE_ACCOUNT, True)):
        change = action(kind, made.subject, {"active": active}, remote_id=first.remote_id)
        assert results(await apply(target(world), styled(world, style), [change])) == [Result.DONE]
        (account,) = (await target(world).observe(make_desired(world))).accounts
        assert account.active is active


async def test_deactivating_an_account_that_is_gone_is_done(opened: Opener) -> None:
    world = await opened()
    gone = action(ActionKind.DEACTIVATE_ACCOUNT, "00uX", {"active": False}, remote_id="no-such-id")
    assert results(await apply(target(world), make_desired(world), [gone])) == [Result.DONE]


async def test_changing_an_account_that_is_gone_fails_alone(opened: Opener) -> None:
    world = await opened()
    gone = action(ActionKind.UPDATE_ACCOUNT, "00uX", {"displayName": "X"}, remote_id="no-such-id")
    first, second = await apply(target(world), make_desired(world), [gone, creation()])
    assert (first.result, first.reason, second.result) == (Result.FAILED, "NotFound", Result.DONE)


async def test_a_deferred_change_is_pending_not_failed(opened: Opener) -> None:
    world = await opened()
    made = creation()
    (first,) = await apply(target(world), make_desired(world), [made])
    change = action(ActionKind.UPDATE_ACCOUNT, made.subject, {"emails[primary]": "new@acme.example"},
                    before={"emails[primary]": made.label}, remote_id=first.remote_id)  # fmt: skip
    (outcome,) = await apply(target(world), make_desired(world), [change])
    assert (outcome.result, outcome.reason) == (Result.PENDING_CONFIRMATION, "PendingConfirmation")


async def test_a_success_that_is_none_is_found_out(opened: Opener) -> None:
    world = await opened(seats=0)
    await world.admin.update_organization({"overrides": {"overCapacity": {"mode": "lie201"}}})
    (outcome,) = await apply(target(world), make_desired(world), [creation()])
    assert (outcome.result, outcome.reason) == (Result.FAILED, "NotConfirmed")


async def test_many_writes_are_confirmed_by_one_listing(opened: Opener) -> None:
    world = await opened()
    made = [creation() for _ in range(25)]
    outcomes = await apply(target(world), make_desired(world), made)
    reads = world.calls("scim.example.test", "GET")
    assert results(outcomes) == [Result.DONE] * 25
    assert len(reads) == 1


async def test_without_a_seat_the_person_is_refused_and_the_rest_not_tried(opened: Opener) -> None:
    world = await opened(seats=2)
    outcomes = await apply(
        ProviderPeople(world.scim.client, 1), make_desired(world), [creation() for _ in range(5)]
    )
    refused = next(outcome for outcome in outcomes if outcome.result is Result.FAILED)
    assert results(outcomes).count(Result.DONE) == 2 and refused.reason == "SeatsExhausted"
    assert results(outcomes).count(Result.SKIPPED) == 2
    assert len(world.calls("scim.example.test", "POST")) == 3


async def test_what_needs_a_failed_action_is_skipped(opened: Opener) -> None:
    world = await opened()
    gone = action(ActionKind.UPDATE_ACCOUNT, "00uX", {"displayName": "X"}, remote_id="no-such-id")
    bound = replace(creation(), needs=(gone.key,))
    _, second = await apply(target(world), make_desired(world), [gone, bound])
    assert (second.result, second.reason) == (Result.SKIPPED, "DependencyFailed")
    assert world.calls("scim.example.test", "POST") == []


async def test_a_refused_token_ends_the_run_with_every_action_told(opened: Opener) -> None:
    world = await opened()
    for token in await world.admin.tokens():
        if token["name"] == "scim":
            await world.admin.revoke_token(token["id"])
    told: list[Any] = []
    with pytest.raises(Unauthorized):
        await ProviderPeople(world.scim.client, 1).apply(
            make_desired(world), [creation() for _ in range(4)], told.append
        )
    assert results(told) == [Result.FAILED, Result.SKIPPED, Result.SKIPPED, Result.SKIPPED]


async def test_a_known_account_is_asked_for_by_its_id_and_another_by_its_name(opened: Opener) -> None:
    world = await opened()
    made = [creation() for _ in range(3)]
    first, second, _ = await apply(target(world), make_desired(world), made)
    known = Sought(OktaId("00uA"), "another name", (ScimId(first.remote_id),))
    new = Sought(OktaId("00uB"), made[1].label.upper(), ())
    unknown = Sought(OktaId("00uC"), "nobody@acme.example", ())
    silent = Sought(OktaId("00uD"), "", ())
    found = await target(world).observe_accounts(make_desired(world), [known, new, known, unknown, silent])
    assert [account.scim_id for account in found.accounts] == [first.remote_id, second.remote_id]
    assert (found.absent, found.unsure) == (frozenset(), frozenset())


async def test_an_account_that_is_gone_is_looked_for_by_name_and_told_absent(opened: Opener) -> None:
    world = await opened()
    made = creation()
    await apply(target(world), make_desired(world), [made])
    sought = Sought(OktaId("00uA"), made.label, (ScimId("no-such-id"),))
    found = await target(world).observe_accounts(make_desired(world), [sought])
    assert [account.user_name for account in found.accounts] == [made.label]
    assert (found.absent, found.unsure) == ({"no-such-id"}, frozenset())


@pytest.mark.parametrize(
    ("fault", "known"),
    [
        ({"kind": "status", "status": 400, "path": "/scim/v2/*/Users"}, False),
        ({"kind": "status", "status": 501, "path": "/scim/v2/*/Users"}, False),
        ({"kind": "html", "status": 404, "path": "/scim/v2/*/Users/*"}, True),
    ],
)
async def test_what_a_provider_cannot_answer_singly_is_left_to_a_complete_read(
    opened: Opener, fault: dict[str, Any], known: bool
) -> None:
    world = await opened()
    made = creation()
    (outcome,) = await apply(target(world), make_desired(world), [made])
    client = Answering(world.scim.client, fault)
    sought = Sought(OktaId("00uA"), made.label, (ScimId(outcome.remote_id),) if known else ())
    found = await ProviderPeople(client).observe_accounts(make_desired(world), [sought])  # type: ignore[arg-type]
    assert (found.accounts, found.absent, found.unsure) == ((), frozenset(), {"00uA"})


class Answering:
    """A client whose answers about single people are errors."""

    def __init__(self, client: Any, fault: dict[str, Any]) -> None:
        self._client, self._fault = client, fault

    def in_lane(self, lane: Any) -> Answering:
        return self

    async def user(self, scim_id: str) -> Any:
        raise ForeignNotFound("a page of a proxy", system="SCIM", status=404)

    async def find(self, attribute: str, value: str) -> Any:
        kind = Rejected if self._fault["status"] == 400 else Unavailable
        raise kind("no such filter", system="SCIM", status=self._fault["status"])


async def test_every_account_of_many_pages_is_listed_once(opened: Opener) -> None:
    world = await opened()
    made = [creation() for _ in range(230)]
    await apply(target(world), make_desired(world), made)
    state = await target(world).observe(make_desired(world))
    assert sorted(account.external_id for account in state.accounts) == sorted(one.subject for one in made)


async def test_a_provider_that_is_switched_off_is_an_error_not_an_empty_list(opened: Opener) -> None:
    world = await opened()
    await world.admin.update_organization({"scimEnabled": False})
    with pytest.raises((Unauthorized, Unavailable)):
        await target(world).observe(make_desired(world))
