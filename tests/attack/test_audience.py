"""Credentials sent to a host that their Secret does not name: through a ConfigMap of the Secret's name, or by
asking for one person through an org that the integration may not use."""

from __future__ import annotations

import base64
from itertools import permutations
from typing import Any
from unittest.mock import Mock

import pytest
from pydantic import SecretStr

from controller.errors import SpecError
from controller.operator.okta_lookup import OktaSide
from controller.operator.run_inputs import Vault, Wanted
from controller.planning.base.inputs import SecretKey
from controller.settings import Settings
from controller.targets.connect import TargetConnector
from tests.attack.servers import keep_alive
from tests.unit.reconcile.reports import ORG, inputs, resource, secrets

HOSTS = "scim-operator.dev/allowed-hosts"
JSON = dict[str, Any]
EVIL = "evil.example.com"


def held(value: str) -> str:
    return base64.b64encode(value.encode()).decode()


def objects(name: str) -> dict[Wanted, JSON]:
    """A Secret without an audience, and the attacker's ConfigMap of the same name."""
    return {
        ("Secret", "team", name): {"metadata": {"name": name}, "data": {"token": held("the-real-token")}},
        ("ConfigMap", "team", name): {
            "metadata": {"name": name, "annotations": {HOSTS: EVIL}},
            "data": {"token": "the-attacker's", "more": "x"},
        },
    }


@pytest.mark.parametrize("order", list(permutations(("Secret", "ConfigMap"))))
def test_a_config_map_says_nothing_of_the_secret_of_its_name(order: tuple[str, ...]) -> None:
    vault = Vault()
    found = objects("scim")
    for kind in order:
        place = (kind, "team", "scim")
        vault.add(place, found[place])
    (key,) = vault.secrets["team", "scim"]
    assert (key.key, key.allowed_hosts) == ("token", frozenset())
    assert vault.values["team", "scim", "token"].get_secret_value() == "the-real-token"
    assert ("team", "scim", "more") not in vault.values


def test_a_config_map_stands_for_no_secret() -> None:
    vault, place = Vault(), ("ConfigMap", "team", "scim")
    vault.add(place, objects("scim")[place])
    assert (vault.secrets, vault.values, vault.notes) == ({}, {}, {})


@pytest.mark.parametrize(
    ("namespace", "allowed", "reason"),
    [("team", "acme.okta.com", "HostNotAllowed"), ("other", "*", "NamespaceNotAllowed")],
)
async def test_nobody_is_asked_for_where_the_credential_may_not_go(
    namespace: str, allowed: str, reason: str
) -> None:
    connector = TargetConnector(Settings(allow_http_loopback=True))
    async with keep_alive(lambda method, path: {"id": "00o1"}) as server:
        hosts = frozenset({server.url.removeprefix("http://") if allowed == "*" else allowed})
        org = resource("OktaOrg", {**ORG, "url": server.url}, namespace=namespace)
        keys = {**secrets(), (namespace, "okta-api"): frozenset({SecretKey("okta-api", "apiToken", hosts)})}
        values = {(namespace, "okta-api", "apiToken"): SecretStr("the-real-token")}
        side = OktaSide(connector, Mock())
        with pytest.raises(SpecError) as caught:
            await side.find_user(inputs(org=org, secrets=keys), values, "ada@acme.com")
        assert (caught.value.reason, server.asked) == (reason, 0)
        await connector.aclose()
