"""The four CRDs on a real API server: taken without a warning, and each rule judged by it."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from controller.api import API_VERSION, KINDS
from controller.api.crds import build_crds
from tests.cluster.fixtures import needs_a_real_server
from tests.cluster.release import Installer
from tests.unit.api.samples import FULL, SMALLEST, edited, resource
from tests.unit.api.test_rules import ACCEPTED, REFUSED, ZONE, Edit

pytestmark = needs_a_real_server
DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


def create(admin: httpx.Client, kind: str, spec: dict[str, Any], **query: str) -> httpx.Response:
    """The answer to creating it, as a trial: nothing is stored."""
    path = f"/apis/{API_VERSION}/namespaces/default/{KINDS[kind].plural}"
    return admin.post(path, params={"dryRun": "All", **query}, json=resource(kind, spec))


def causes(answer: httpx.Response) -> list[tuple[str, str, str]]:
    return [(c["field"], c["reason"], c["message"]) for c in answer.json()["details"]["causes"]]


def test_the_definitions_are_taken_without_a_warning_and_established(admin: httpx.Client) -> None:
    installer = Installer(admin)
    installer.apply(*build_crds())
    assert installer.warnings == []
    for crd in build_crds():
        conditions = admin.get(f"{DEFINITIONS}/{crd['metadata']['name']}").json()["status"]["conditions"]
        found = {one["type"]: one["status"] for one in conditions}
        assert found["Established"] == found["NamesAccepted"] == "True"
        assert "NonStructuralSchema" not in found


@pytest.mark.parametrize("kind", FULL)
def test_every_field_is_taken_under_strict_validation(admin: httpx.Client, kind: str) -> None:
    answer = create(admin, kind, FULL[kind], fieldValidation="Strict")
    assert answer.status_code == 201, answer.text
    assert "warning" not in answer.headers
    assert answer.json()["spec"] | FULL[kind] == answer.json()["spec"]


@pytest.mark.parametrize(("kind", "edits"), ACCEPTED, ids=[f"{row[0]}-{row[1]}" for row in ACCEPTED])
def test_rule_lets_pass(admin: httpx.Client, kind: str, edits: tuple[Edit, ...]) -> None:
    answer = create(admin, kind, edited(SMALLEST[kind], *edits))
    assert answer.status_code == 201, answer.text


@pytest.mark.parametrize(
    ("kind", "edits", "where", "message"),
    REFUSED,
    ids=[f"{row[2]}-{row[3]}-{n}" for n, row in enumerate(REFUSED)],
)
def test_rule_refuses_with_its_message(
    admin: httpx.Client, kind: str, edits: tuple[Edit, ...], where: str, message: str
) -> None:
    answer = create(admin, kind, edited(SMALLEST[kind], *edits))
    assert answer.status_code == 422
    refused = [one for one in causes(answer) if "evaluating rule" not in one[2] or message == ZONE]
    assert [one[:2] for one in refused] == [(where, "FieldValueInvalid")], answer.text
    assert refused[0][2].endswith(message)


def test_reference_of_a_mapping_cannot_be_changed(admin: httpx.Client) -> None:
    kind, path = "GroupMapping", f"/apis/{API_VERSION}/namespaces/default/groupmappings"
    admin.post(path, json=resource(kind, SMALLEST[kind])).raise_for_status()
    name = resource(kind, SMALLEST[kind])["metadata"]["name"]
    merge = {"content-type": "application/merge-patch+json"}
    try:
        change = {"spec": {"integrationRef": {"name": "other"}}}
        refused = admin.patch(f"{path}/{name}", json=change, headers=merge)
        assert refused.status_code == 422
        assert refused.json()["message"].endswith(
            "spec.integrationRef: Invalid value: integrationRef is immutable"
        )
        rows = {"spec": {"mappings": [{"values": ["x"], "providerGroup": "Other"}]}}
        assert admin.patch(f"{path}/{name}", json=rows, headers=merge).status_code == 200
    finally:
        admin.delete(f"{path}/{name}")
