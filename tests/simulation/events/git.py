"""What a platform team does: edits in git, approvals, Secrets, deletion and re-creation."""

from __future__ import annotations

import base64
import copy
from typing import Any

from tests.simulation.blueprint import OKTA, Tenant
from tests.simulation.events.directory import someone, tenant
from tests.simulation.events.provider import mend_later
from tests.simulation.model.view import GROUP
from tests.simulation.schedule import Scene, happens
from tests.simulation.world import JUDGE_TOKEN, resource, secret

PREFIX = "scim-operator.dev/"


def _path(one: Tenant, kind: str = "scimintegrations", name: str = "") -> str:
    return f"{GROUP}/namespaces/{one.namespace}/{kind}/{name or one.name}"


async def _annotate(scene: Scene, one: Tenant, **annotations: str | None) -> None:
    body = {
        "metadata": {"annotations": {PREFIX + name.replace("_", "-"): v for name, v in annotations.items()}}
    }
    await scene.world.patch(_path(one), body)


async def _spec(scene: Scene, one: Tenant, change: dict[str, Any]) -> None:
    await scene.world.patch(_path(one), {"spec": change})


@happens(2)
async def a_reconcile_is_asked_for(scene: Scene) -> None:
    await _annotate(scene, tenant(scene), requested_at=str(scene.chance.random()))


@happens(4)
async def one_person_is_asked_for(scene: Scene) -> None:
    user = someone(scene)
    login = scene.world.org.users[user].profile["login"]
    await _annotate(scene, tenant(scene), sync_user=f"{login}#{scene.chance.randrange(99)}")


@happens(1)
async def is_suspended_for_a_while(scene: Scene) -> None:
    one = tenant(scene)
    await _spec(scene, one, {"suspend": True})

    async def mend() -> None:
        await _spec(scene, one, {"suspend": False})

    await mend_later(scene, mend, scene.chance.uniform(60, 1800))


@happens(1)
async def observes_for_a_while(scene: Scene) -> None:
    one = tenant(scene)
    before = one.spec["mode"]
    await _spec(scene, one, {"mode": "Observe"})

    async def mend() -> None:
        await _spec(scene, one, {"mode": before})

    await mend_later(scene, mend, scene.chance.uniform(60, 1800))


@happens(1)
async def the_mode_changes(scene: Scene) -> None:
    one = tenant(scene)
    one.spec["mode"] = scene.chance.choice(("Approve", "Enforce", "Enforce"))
    await _spec(scene, one, {"mode": one.spec["mode"]})


@happens(1)
async def the_interval_changes(scene: Scene) -> None:
    await _spec(scene, tenant(scene), {"interval": scene.chance.choice(("5m", "10m", "30m"))})


@happens(1)
async def drift_is_treated_otherwise(scene: Scene) -> None:
    await _spec(scene, tenant(scene), {"drift": scene.chance.choice(("Correct", "Report"))})


@happens(1)
async def a_window_is_set_for_a_while(scene: Scene) -> None:
    """A window that opens a few minutes after each hour."""
    one = tenant(scene)
    minute = scene.chance.randrange(60)
    windows = [
        {"kind": scene.chance.choice(("Allow", "Deny")), "schedule": f"{minute} * * * *", "duration": "20m"}
    ]
    await _spec(scene, one, {"windows": windows})

    async def mend() -> None:
        await _spec(scene, one, {"windows": None})

    await mend_later(scene, mend, scene.chance.uniform(1200, 5400))


@happens(4)
async def the_limit_changes(scene: Scene) -> None:
    one = tenant(scene)
    if one.limit is not None and "seats" in one.limit:
        seats = max(3, one.limit["seats"] + scene.chance.choice((-2, -1, 1, 2, 3)))
        one.limit = {**one.limit, "seats": min(seats, 1000)}
        purchased = (await scene.world.admin(one.name, "GET", "/organization"))["seats"]["purchased"]
        if seats > purchased:
            await scene.world.admin(one.name, "POST", "/billing/seats", {"purchased": seats})
        await scene.world.patch(_path(one, "seatlimits"), {"spec": {"seats": seats}})


@happens(1)
async def the_limit_is_deleted_and_made_again(scene: Scene) -> None:
    one = tenant(scene)
    if one.limit is None:
        return
    await scene.world.kube("DELETE", _path(one, "seatlimits"))
    again = copy.deepcopy(one.limit)

    async def mend() -> None:
        await scene.world.apply(resource("SeatLimit", one.name, one.namespace, again))

    await mend_later(scene, mend, scene.chance.uniform(1, 300))


@happens(1)
async def a_mapping_is_deleted_and_made_again(scene: Scene) -> None:
    one = tenant(scene)
    if not one.mappings:
        return
    number = scene.chance.randrange(len(one.mappings))
    name = f"{one.name}-{number}"
    await scene.world.kube("DELETE", _path(one, "groupmappings", name))
    spec = {"integrationRef": {"name": one.name}, "mappings": one.mappings[number]}

    async def mend() -> None:
        await scene.world.apply(resource("GroupMapping", name, one.namespace, spec))

    await mend_later(scene, mend, scene.chance.uniform(1, 900))


@happens(2)
async def a_row_leads_to_another_group(scene: Scene) -> None:
    one = tenant(scene)
    if not one.mappings:
        return
    number = scene.chance.randrange(len(one.mappings))
    rows = copy.deepcopy(one.mappings[number])
    rows[0]["providerGroup"] = f"Team {scene.chance.randrange(5)} of {number}"
    one.mappings[number] = rows
    await scene.world.patch(_path(one, "groupmappings", f"{one.name}-{number}"), {"spec": {"mappings": rows}})


@happens(1)
async def the_integration_is_deleted_and_made_again(scene: Scene) -> None:
    one = tenant(scene)
    await scene.world.kube("DELETE", _path(one))
    scene.court.trouble(1200, one.name)

    async def mend() -> None:
        await scene.world.apply(resource("ScimIntegration", one.name, one.namespace, one.spec))
        scene.court.trouble(600, one.name)

    await mend_later(scene, mend, scene.chance.uniform(5, 600))


# Approvals.


async def _waiting(scene: Scene, one: Tenant) -> str:
    body = await scene.world.kube("GET", _path(one))
    return str(((body.get("status") or {}).get("plan") or {}).get("digest") or "")


@happens(5)
async def a_plan_is_approved(scene: Scene) -> None:
    one = tenant(scene)
    digest = await _waiting(scene, one)
    if digest:
        scene.court.judge.approved_at[one.name] = scene.world.loop.time()
        await _annotate(scene, one, approve=f"{digest}#{scene.chance.randrange(1000)}")


@happens(1)
async def a_plan_is_approved_late(scene: Scene) -> None:
    """By a person who looked a while ago."""
    one = tenant(scene)
    digest = await _waiting(scene, one)

    async def approve() -> None:
        if digest:
            scene.court.judge.approved_at[one.name] = scene.world.loop.time()
            await _annotate(scene, one, approve=f"{digest}#late{scene.chance.randrange(1000)}")

    await mend_later(scene, approve, scene.chance.uniform(60, 1800))


@happens(1)
async def a_forged_approval_comes(scene: Scene) -> None:
    await _annotate(scene, tenant(scene), approve=f"{scene.chance.randrange(1 << 60):032x}")


@happens(1)
async def an_approval_is_left_over(scene: Scene) -> None:
    """The same annotation again: it was used up and approves nothing."""
    one = tenant(scene)
    body = await scene.world.kube("GET", _path(one))
    value = (body["metadata"].get("annotations") or {}).get(PREFIX + "approve")
    await _annotate(scene, one, approve=None)
    await _annotate(scene, one, approve=value)


# Secrets.


def _secret(one: Tenant, kind: str) -> str:
    return f"/api/v1/namespaces/{one.namespace}/secrets/{one.name}-{kind}"


@happens(2)
async def a_token_is_rotated(scene: Scene) -> None:
    """A new one is issued, put into the Secret, and the old one revoked."""
    one = tenant(scene)
    made = await scene.world.admin(one.name, "POST", "/tokens", {"name": "rotated", "scopes": ["scim"]})
    scene.world.tokens[f"{one.name}-scim"] = made["token"]
    scene.court.judge.secrets += (made["token"],)
    data = {"data": {"token": base64.b64encode(made["token"].encode()).decode()}}
    await scene.world.patch(_secret(one, "scim"), data)
    known = (await scene.world.admin(one.name, "GET", "/tokens"))["tokens"]
    for token in known:
        if token["name"] in ("scim", "rotated") and token["id"] != made["id"]:
            await scene.world.admin(one.name, "DELETE", f"/tokens/{token['id']}")
    scene.court.trouble(60, one.name)


@happens(1)
async def a_token_is_revoked_for_a_while(scene: Scene) -> None:
    """Nobody tells git: the operator has none that works until somebody puts a new one in."""
    one = tenant(scene)
    scene.court.trouble(1e9, one.name)

    async def mend() -> None:
        made = await scene.world.admin(one.name, "POST", "/tokens", {"name": "rotated", "scopes": ["scim"]})
        scene.world.tokens[f"{one.name}-scim"] = made["token"]
        scene.court.judge.secrets += (made["token"],)
        body = {"data": {"token": base64.b64encode(made["token"].encode()).decode()}}
        await scene.world.patch(_secret(one, "scim"), body)
        scene.court.troubled[one.name] = scene.world.loop.time()

    await mend_later(scene, mend, scene.chance.uniform(60, 1200))
    known = (await scene.world.admin(one.name, "GET", "/tokens"))["tokens"]
    for token in known:
        if token["name"] in ("scim", "rotated"):
            await scene.world.admin(one.name, "DELETE", f"/tokens/{token['id']}")


@happens(1)
async def a_secret_is_removed_for_a_while(scene: Scene) -> None:
    one = tenant(scene)
    await scene.world.kube("DELETE", _secret(one, "scim"))
    scene.court.trouble(1e9, one.name)

    async def mend() -> None:
        name = f"{one.name}-scim"
        values = {"token": scene.world.tokens[name]}
        await scene.world.apply(secret(name, one.namespace, one.host, values))
        scene.court.troubled[one.name] = scene.world.loop.time()

    await mend_later(scene, mend, scene.chance.uniform(60, 1200))


@happens(1)
async def a_secret_is_meant_for_another_host(scene: Scene) -> None:
    one = tenant(scene)
    key = PREFIX + "allowed-hosts"
    await scene.world.patch(_secret(one, "scim"), {"metadata": {"annotations": {key: "elsewhere.test"}}})
    scene.court.trouble(1e9, one.name)

    async def mend() -> None:
        await scene.world.patch(_secret(one, "scim"), {"metadata": {"annotations": {key: one.host}}})
        scene.court.troubled[one.name] = scene.world.loop.time()

    await mend_later(scene, mend, scene.chance.uniform(60, 900))


@happens(1)
async def the_role_in_okta_is_narrowed_for_a_while(scene: Scene) -> None:
    """The same token lists fewer people, with a 200."""
    one = tenant(scene)
    principal = next(p for p in scene.world.org.principals.values() if p.name == "operator")
    group = next(
        g.id for g in scene.world.org.groups.values() if g.profile["name"] in ("Executives", one.group)
    )
    principal.groups = [group]
    for each in scene.world.blueprint.tenants:
        scene.court.trouble(1e9, each.name)

    async def mend() -> None:
        principal.groups = None
        for each in scene.world.blueprint.tenants:
            scene.court.troubled[each.name] = scene.world.loop.time() + 600

    await mend_later(scene, mend, scene.chance.uniform(60, 1800))


@happens(1)
async def the_okta_token_is_replaced(scene: Scene) -> None:
    token = f"00replaced{scene.chance.randrange(1 << 60):030x}"
    headers = [("authorization", f"SSWS {JUDGE_TOKEN}")]
    await scene.world.ask(OKTA, "POST", "/_control/tokens", headers, {"name": "operator", "token": token})
    scene.court.judge.secrets += (token,)
    data = {"data": {"apiToken": base64.b64encode(token.encode()).decode()}}
    await scene.world.patch("/api/v1/namespaces/default/secrets/okta-api", data)
    scene.court.trouble(900)
