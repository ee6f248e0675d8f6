"""The connector: what it keeps, what it replaces, and what a person is told who left something out."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import SecretStr

from controller.api.okta_org import OktaOrgSpec
from controller.api.scim_integration import ScimIntegrationSpec
from controller.errors import SpecError, Waiting
from controller.metrics import Metrics
from controller.planning.base.inputs import Inputs, Resource
from controller.settings import Settings
from controller.targets.connect import TargetConnector
from controller.targets.telemetry import MetricsSink
from tests.contract.targets.conftest import Opener
from tests.contract.targets.world import API_TOKEN, OKTA, SCIM, World, make_desired

Credentials = dict[tuple[str, str, str], SecretStr]


def org(**more: Any) -> Resource[OktaOrgSpec]:
    auth = {"type": "ApiToken", "secretRef": {"name": "okta-api"}}
    spec = OktaOrgSpec.model_validate({"url": OKTA, "auth": auth, **more})
    return Resource("OktaOrg", "default", "acme", "u1", 1, "2026-01-01T00:00:00Z", spec)


def inputs(world: World, provider: dict[str, Any] | None = None, *, with_org: Any = None) -> Inputs:
    spec = ScimIntegrationSpec.model_validate(
        {
            "okta": {"orgRef": {"name": "acme"}, "app": {"label": "Calendly"}},
            "provider": {
                "baseUrl": SCIM + world.tenant.scim_path,
                "auth": {"type": "Bearer", "secretRef": {"name": "scim", "key": "token"}},
                "admin": {
                    "baseUrl": SCIM + world.tenant.admin_path,
                    "secretRef": {"name": "admin", "key": "token"},
                },
                **(provider or {}),
            },
            "provisioning": {"by": "Operator"},
        }
    )
    integration = Resource("ScimIntegration", "default", "calendly", "u2", 1, "2026-01-01T00:00:00Z", spec)
    return Inputs(integration, org() if with_org is None else with_org)


def credentials(world: World) -> Credentials:
    values = {
        ("okta-api", "apiToken"): API_TOKEN,
        ("scim", "token"): world.tenant.scim_token + "\n",
        ("admin", "token"): world.tenant.admin_token,
    }
    return {("default", *place): SecretStr(value) for place, value in values.items()}


def connector(world: World, **settings: Any) -> TargetConnector:
    return TargetConnector(Settings(**settings), world.wiring)


async def test_targets_of_an_integration_read_both_ends(opened: Opener) -> None:
    world = await opened(3)
    targets = await connector(world).connect(inputs(world), make_desired(world), credentials(world))
    desired = make_desired(world)
    assert (await targets.okta_app.observe(desired)).org_id == world.org.id
    assert len((await targets.okta_people.observe(desired)).people) == 3
    state = await targets.provider_settings.observe(desired)
    assert state.probe.ok and state.organization is not None
    assert (await targets.provider_people.observe(desired)).accounts == ()


async def test_what_did_not_change_is_kept(opened: Opener) -> None:
    world = await opened(1)
    one = connector(world)
    first = await one.connect(inputs(world), make_desired(world), credentials(world))
    before = len(world.hosts.calls)
    assert await one.connect(inputs(world), make_desired(world), credentials(world)) is first
    assert len(world.hosts.calls) == before


@pytest.mark.parametrize("place", [("default", "okta-api", "apiToken"), ("default", "scim", "token")])
async def test_a_rotated_secret_is_taken_up(opened: Opener, place: tuple[str, str, str]) -> None:
    world = await opened(1)
    one, held = connector(world), credentials(world)
    first = await one.connect(inputs(world), make_desired(world), held)
    rotated = {**held, place: SecretStr("another-token")}
    assert await one.connect(inputs(world), make_desired(world), rotated) is not first


@pytest.mark.parametrize(
    ("place", "words"),
    [
        (
            ("default", "okta-api", "apiToken"),
            "spec.auth.secretRef: the Secret default/okta-api has no key apiToken",
        ),
        (
            ("default", "scim", "token"),
            "spec.provider.auth.secretRef: the Secret default/scim has no key token",
        ),
        (("default", "admin", "token"), "spec.provider.admin.secretRef: the Secret default/admin"),
    ],
)
async def test_a_missing_key_names_field_secret_and_key(opened: Opener, place: Any, words: str) -> None:
    world = await opened(1)
    held = credentials(world)
    del held[place]
    with pytest.raises(Waiting) as caught:
        await connector(world).connect(inputs(world), make_desired(world), held)
    assert words in caught.value.message


async def test_a_missing_org_is_waited_for(opened: Opener) -> None:
    world = await opened(1)
    given = inputs(world)
    with pytest.raises(Waiting, match="there is no OktaOrg acme"):
        await connector(world).connect(
            Inputs(given.integration, None), make_desired(world), credentials(world)
        )


@pytest.mark.parametrize(
    ("base_url", "words"),
    [
        ("http://127.0.0.1:1/scim", "SCIM_OPERATOR_ALLOW_HTTP_LOOPBACK"),
        ("https://169.254.169.254/scim", "metadata"),
    ],
)
async def test_a_url_that_is_never_called_names_the_field(opened: Opener, base_url: str, words: str) -> None:
    world = await opened(1)
    with pytest.raises(SpecError, match=words) as caught:
        await connector(world).connect(
            inputs(world, {"baseUrl": base_url}), make_desired(world), credentials(world)
        )
    assert caught.value.field == "spec.provider.baseUrl"


async def test_two_connections_to_one_org_share_a_budget_by_its_id(opened: Opener) -> None:
    world = await opened(1)
    one = connector(world, shard_percent=50)
    first = await one.open_org(org(budgetPercent=40), credentials(world))
    assert one.budgets.of(first.key, "default/acme", 20).percent == 20
    assert one.budget_of("default", "acme") is one.budgets.find(first.key)
    await one.forget_org("default", "acme")
    assert one.budget_of("default", "acme") is None
    assert one.budgets.of(first.key, "other/acme", 33).percent == 33


async def test_certificates_come_out_of_the_object_that_is_named(opened: Opener) -> None:
    world = await opened(1)
    place = ("default", "corp-ca", "ca.crt")
    maps, held = {place: "nonsense"}, {**credentials(world), place: SecretStr("nonsense")}
    with_map, with_secret = (
        org(caBundleRef={"kind": kind, "name": "corp-ca"}) for kind in ("ConfigMap", "Secret")
    )
    with pytest.raises(Waiting, match=r"the ConfigMap default/corp-ca has no key ca\.crt"):
        await connector(world).open_org(with_map, held)
    with pytest.raises(Waiting, match=r"the Secret default/corp-ca has no key ca\.crt"):
        await connector(world).open_org(with_secret, credentials(world), maps)
    assert (await connector(world).open_org(with_map, credentials(world), maps)).org_id == world.org.id
    assert (await connector(world).open_org(with_secret, held)).org_id == world.org.id


async def test_requests_are_counted_by_api_route_and_code(opened: Opener) -> None:
    world = await opened(1)
    metrics = Metrics()
    wiring = type(world.wiring)(sink=MetricsSink(metrics), clock=world.clock, transport=world.hosts)
    one = TargetConnector(Settings(), wiring)
    targets = await one.connect(inputs(world), make_desired(world), credentials(world))
    await targets.okta_people.observe(make_desired(world))
    await one.aclose()
    text = metrics.render().decode()
    labels = 'api="okta",code="200",method="GET",route="/api/v1/apps/{id}/users"'
    assert f"scim_operator_api_requests_total{{{labels}}} 1.0" in text
    assert 'scim_operator_api_ratelimit_remaining{bucket="apps"}' in text and world.app.id not in text


async def test_a_private_key_that_is_none_names_secret_and_field(opened: Opener) -> None:
    world = await opened(1)
    app = org(auth={"type": "ServiceApp", "secretRef": {"name": "okta-app"}})
    held = {("default", "okta-app", "clientId"): SecretStr("0oa1")}
    held[("default", "okta-app", "privateKey")] = SecretStr("hunter2-hunter2")
    with pytest.raises(SpecError, match="the key privateKey of the Secret default/okta-app is not") as caught:
        await connector(world).open_org(app, held)
    assert (caught.value.field, caught.value.kind, caught.value.name) == (
        "spec.auth.secretRef",
        "OktaOrg",
        "acme",
    )
    assert "hunter2" not in caught.value.message
