"""From bodies and Secrets to Inputs."""

from __future__ import annotations

import base64
from datetime import UTC, datetime

import pytest

from controller.errors import SpecError
from controller.kube.client import Body
from controller.operator.run_inputs import (
    Vault,
    build_inputs,
    gather_family,
    rivals_of,
    wanted_secrets,
)
from controller.operator.store import Store
from controller.planning.base.inputs import SecretNote
from tests.unit.operator.bodies import body, with_status
from tests.unit.reconcile.reports import INTEGRATION, ORG


def family_store(**changes: object) -> Store:
    store = Store()
    for kind in ("OktaOrg", "GroupMapping", "SeatLimit"):
        store.put(body(kind))
    store.put(body("ScimIntegration", **changes))
    return store


def integration(store: Store) -> Body:
    found = store.get("ScimIntegration", "team", "calendly")
    assert found is not None
    return found


def encoded(text: bytes) -> str:
    return base64.b64encode(text).decode()


def test_a_family_is_parsed_whole() -> None:
    store = family_store()
    family = gather_family(store, integration(store))
    assert family.org is not None
    assert (len(family.mappings), len(family.limits)) == (1, 1)
    assert not family.is_observed()


def test_a_family_is_observed_when_every_status_is_about_its_spec() -> None:
    store = Store()
    for kind in ("ScimIntegration", "GroupMapping", "SeatLimit"):
        store.put(with_status(body(kind), observedGeneration=1))
    assert gather_family(store, integration(store)).is_observed()


def test_a_member_that_cannot_be_parsed_is_an_error_and_is_never_left_out() -> None:
    store = family_store()
    store.put(body("GroupMapping", "odd", spec={"integrationRef": {"name": "calendly"}}))
    with pytest.raises(SpecError) as caught:
        gather_family(store, integration(store))
    assert (caught.value.kind, caught.value.name) == ("GroupMapping", "odd")


def test_members_that_are_being_deleted_have_left() -> None:
    store = family_store()
    store.put(body("GroupMapping", version=2, deletionTimestamp="2026-01-02T00:00:00Z"))
    assert gather_family(store, integration(store)).mappings == ()


def test_every_secret_that_a_run_reads_is_wanted() -> None:
    provider = {
        **INTEGRATION["provider"],
        "oktaTokenRef": {"name": "okta-token"},
        "caBundleRef": {"name": "ca"},
        "tokenRotation": {"every": "2160h", "issueTo": {"name": "issued"}},
    }
    store = family_store(spec={**INTEGRATION, "provider": provider})
    store.put(
        body(
            "OktaOrg", version=2, generation=2, spec={**ORG, "caBundleRef": {"kind": "Secret", "name": "ca2"}}
        )
    )
    wanted = wanted_secrets(gather_family(store, integration(store)))
    assert wanted == (
        ("ConfigMap", "team", "ca"),
        ("Secret", "team", "ca2"),
        ("Secret", "team", "calendly-admin"),
        ("Secret", "team", "calendly-scim"),
        ("Secret", "team", "issued"),
        ("Secret", "team", "okta-api"),
        ("Secret", "team", "okta-token"),
    )
    bare = {**INTEGRATION, "provider": {key: INTEGRATION["provider"][key] for key in ("baseUrl", "auth")}}
    small = family_store(spec=bare)
    assert wanted_secrets(gather_family(small, integration(small))) == (
        ("Secret", "team", "calendly-scim"),
        ("Secret", "team", "okta-api"),
    )
    lonely = Store()
    lonely.put(body("ScimIntegration", spec=bare))
    assert wanted_secrets(gather_family(lonely, integration(lonely))) == (), "the run ends before that"


def test_a_vault_keeps_audiences_apart_from_values_and_leaves_nonsense_out() -> None:
    vault = Vault()
    metadata = {
        "resourceVersion": "7",
        "annotations": {"scim-operator.dev/allowed-hosts": " a.example.com, b:8080 ,"},
    }
    data = {"token": encoded(b"t0ken"), "binary": encoded(b"\xff\xfe"), "broken": "%%%"}
    vault.add(("Secret", "team", "s"), {"metadata": metadata, "data": data})
    (key,) = vault.secrets["team", "s"]
    assert (key.key, key.allowed_hosts) == ("token", {"a.example.com", "b:8080"})
    assert vault.values["team", "s", "token"].get_secret_value() == "t0ken"
    assert "t0ken" not in repr(vault)
    assert vault.versions == {("Secret", "team", "s"): "7"}
    vault.add(("ConfigMap", "team", "ca"), {"metadata": {}, "data": {"ca.crt": "PEM"}})
    assert vault.config_maps == {("team", "ca", "ca.crt"): "PEM"}
    assert ("team", "ca", "ca.crt") not in vault.values


def test_a_vault_notes_who_keeps_a_secret_and_which_token_was_replaced() -> None:
    vault = Vault()
    metadata = {
        "ownerReferences": [{"kind": "ExternalSecret", "name": "scim"}],
        "annotations": {"scim-operator.dev/replaced-token": "t1"},
    }
    vault.add(("Secret", "team", "s"), {"metadata": metadata})
    vault.add(("ConfigMap", "team", "ca"), {"metadata": metadata})
    assert vault.notes == {("team", "s"): SecretNote("ExternalSecret scim", "t1")}
    assert vault.secrets["team", "s"] == frozenset(), "it is there, and empty"
    store = family_store()
    inputs = build_inputs(gather_family(store, integration(store)), vault, None, ())
    assert inputs.secret_notes == vault.notes


def test_rivals_are_all_others_by_what_is_known_of_them() -> None:
    store = family_store()
    store.put(body("ScimIntegration", "declared"))
    found = body(
        "ScimIntegration",
        "found",
        spec={**INTEGRATION, "okta": {"orgRef": {"name": "none"}, "app": {"id": "0oa9"}}},
    )
    pinned = {"id": "0oa1", "orgId": "00o1"}
    store.put(with_status(found, app=pinned))
    store.put(with_status(body("ScimIntegration", "read"), app=pinned))
    rivals = rivals_of(store, "uid-ScimIntegration-calendly", datetime.now(UTC))
    assert {rival.name: rival.app.as_texts() for rival in rivals} == {
        "declared": ("https://acme.okta.com label Calendly",),
        "found": (),
        "read": (
            "00o1 id 0oa1",
            "00o1 label Calendly",
            "https://acme.okta.com id 0oa1",
            "https://acme.okta.com label Calendly",
        ),
    }
    inputs = build_inputs(gather_family(store, integration(store)), Vault(), None, rivals)
    assert len(inputs.rivals) == 3
