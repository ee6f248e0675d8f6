"""ProviderSettings against the bundled provider."""

from __future__ import annotations

from datetime import timedelta

from controller.model.actions import Action, ActionKind, Result
from controller.model.people import OktaId
from controller.planning.base.desired import DesiredRotation, DesiredSeats, TokenPlace
from controller.targets.provider_people import ProviderPeople
from controller.targets.provider_settings import ProviderSettings, read_table
from controller.targets.provider_tokens import TokenDesk
from tests.contract.targets.conftest import Opener
from tests.contract.targets.world import GROUP, World, action, apply, creation, make_desired, results

TABLE = {"attribute": GROUP, "createGroups": "WhenMissing", "unmapped": "Keep"}


def target(world: World) -> ProviderSettings:
    desk = TokenDesk(world.admin, None, lambda _: world.scim.client.probe())
    return ProviderSettings(world.scim.client, world.admin, world.clock, desk)


def save(digest: str = "", **rows: str) -> Action:
    after = {**TABLE, **{f"row {value}": group for value, group in rows.items()}}
    return action(ActionKind.SAVE_GROUP_TABLE, "group-mapping", after, remote_id=digest)


async def test_everything_is_read_with_the_admin_api(opened: Opener) -> None:
    world = await opened(seats=50)
    state = await target(world).observe(make_desired(world))
    assert state.probe.ok and state.probe.at == world.clock.now()
    assert state.organization is not None and state.table is not None and state.tokens is not None
    assert (state.organization.plan, state.organization.sso, state.organization.scim_enabled) == (
        "Enterprise",
        "true",
        True,
    )
    assert (state.organization.purchased, state.organization.used, state.organization.free) == (50, 0, 50)
    assert state.organization.billing_method == "Invoice"
    assert sorted(token.name for token in state.tokens) == ["admin", "scim"]
    assert world.tenant.scim_token not in repr(state)


async def test_when_people_were_last_active_is_read_where_somebody_asks(opened: Opener) -> None:
    world = await opened(2)
    desired = make_desired(world)
    created = await apply(ProviderPeople(world.scim.client), desired, [creation(), creation()])
    first, second = created
    await world.admin.accept(first.remote_id)
    await world.admin.edit_person(first.remote_id, {"lastActive": "2025-03-01T10:00:00Z"})
    await world.admin.accept(second.remote_id)
    asking = DesiredSeats("seats", 10, 0, 80, 95, True, (), "", "", timedelta(days=90))
    state = await target(world).observe(make_desired(world, seats=asking))
    assert state.last_active is not None
    assert state.last_active[OktaId(first.action.subject)].startswith("2025-03-01T10:00:00")
    assert set(state.last_active) == {first.action.subject, second.action.subject}
    assert (await target(world).observe(desired)).last_active is None


async def test_without_the_admin_api_only_the_probe_is_known(opened: Opener) -> None:
    world = await opened()
    state = await ProviderSettings(world.scim.client, None, world.clock).observe(make_desired(world))
    assert state.probe.ok and (state.organization, state.table, state.tokens) == (None, None, None)


async def test_without_the_admin_api_a_setting_fails_with_the_field(opened: Opener) -> None:
    world = await opened()
    alone = ProviderSettings(world.scim.client, None, world.clock)
    (outcome,) = await apply(alone, make_desired(world), [save(Sales="Sales")])
    assert (outcome.result, outcome.reason) == (Result.FAILED, "AdminApiMissing")
    assert "spec.provider.admin" in outcome.message


async def test_a_refresh_asks_for_seats_and_keeps_the_rest(opened: Opener) -> None:
    world = await opened()
    known = await target(world).observe(make_desired(world))
    assert known.table is not None and known.tokens
    await world.admin.update_organization({"scimEnabled": False})
    state = await target(world).refresh(make_desired(world), known)
    assert state.organization is not None and not state.organization.scim_enabled and not state.probe.ok
    assert (state.table, state.tokens) == (known.table, known.tokens)
    alone = await ProviderSettings(world.scim.client, None, world.clock).refresh(make_desired(world), known)
    assert alone.organization == known.organization and not alone.probe.ok


async def test_a_probe_that_fails_is_told_and_the_rest_is_read(opened: Opener) -> None:
    world = await opened()
    await world.admin.update_organization({"scimEnabled": False})
    state = await target(world).observe(make_desired(world))
    assert not state.probe.ok and "switched off" in state.probe.cause
    assert state.organization is not None and not state.organization.scim_enabled


async def test_scim_is_switched_on(opened: Opener) -> None:
    world = await opened()
    await world.admin.update_organization({"scimEnabled": False})
    turn_on = action(ActionKind.ENABLE_SCIM, "organization", {"scimEnabled": True})
    assert results(await apply(target(world), make_desired(world), [turn_on])) == [Result.DONE]
    assert (await world.admin.organization())["scimEnabled"] is True


async def test_what_cannot_be_switched_on_tells_why(opened: Opener) -> None:
    world = await opened()
    await world.admin.update_organization({"scimEnabled": False, "sso": False})
    turn_on = action(ActionKind.ENABLE_SCIM, "organization", {"scimEnabled": True})
    (outcome,) = await apply(target(world), make_desired(world), [turn_on])
    assert outcome.result is Result.FAILED and "single sign-on" in outcome.message


async def test_a_saved_table_moves_people(opened: Opener) -> None:
    world = await opened()
    await apply(ProviderPeople(world.scim.client), make_desired(world), [creation()])
    seen = await target(world).observe(make_desired(world))
    assert seen.table is not None
    assert results(
        await apply(target(world), make_desired(world), [save(seen.table.digest, Sales="Revenue")])
    ) == [Result.DONE]
    assert [person["group"] for person in await world.admin.people()] == ["Revenue"]
    saved = await read_table(world.admin)
    assert saved.entries == ((("Sales",), "Revenue"),) and "Revenue" in saved.groups


async def test_a_table_that_somebody_saved_meanwhile_is_not_overwritten(opened: Opener) -> None:
    world = await opened()
    digest = (await read_table(world.admin)).digest
    await apply(target(world), make_desired(world), [save(Sales="Theirs")])
    (outcome,) = await apply(target(world), make_desired(world), [save(digest, Sales="Ours")])
    assert (outcome.result, outcome.reason) == (Result.FAILED, "Conflict")
    assert (await read_table(world.admin)).entries == ((("Sales",), "Theirs"),)


async def test_a_token_is_revoked(opened: Opener) -> None:
    world = await opened()
    issued = await world.admin.issue_token("old", ["scim"], "24h")
    revoke = action(ActionKind.REVOKE_TOKEN, issued["id"], {})
    assert results(await apply(target(world), make_desired(world), [revoke, revoke])) == [Result.DONE] * 2
    state = await target(world).observe(make_desired(world))
    assert "old" not in [token.name for token in state.tokens or ()]


async def test_where_no_secrets_are_written_no_token_is_issued(opened: Opener) -> None:
    world = await opened()
    place = TokenPlace("operator", "operator", "scim", "token", "scim", "spec.provider.tokenRotation.issueTo")
    rotation = DesiredRotation(timedelta(days=90), timedelta(days=1), (place,))
    issue = action(ActionKind.ISSUE_TOKEN, "operator", {"lifetimeSeconds": 60})
    (outcome,) = await apply(target(world), make_desired(world, rotation=rotation), [issue])
    assert (outcome.result, outcome.reason) == (Result.FAILED, "ReadOnly")
    alone = ProviderSettings(world.scim.client, None, world.clock)
    (outcome,) = await apply(alone, make_desired(world, rotation=rotation), [issue])
    assert outcome.reason == "AdminApiMissing"
