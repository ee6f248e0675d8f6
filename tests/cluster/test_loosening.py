"""The policies of admissionPolicy.guardLoosening on a real API server."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from controller.api import API_VERSION
from tests.cluster.control_plane import PEOPLE, ControlPlane, token_of
from tests.cluster.fixtures import RELEASE, needs_a_real_server
from tests.cluster.release import install
from tests.cluster.test_admission import MERGE, bind
from tests.unit.api.samples import SMALLEST, resource

pytestmark = needs_a_real_server
JSON = dict[str, Any]
ADA, EVE = PEOPLE
BASE = f"/apis/{API_VERSION}/namespaces/default"
INTEGRATION, ORG = f"{BASE}/scimintegrations", f"{BASE}/oktaorgs"
GUARD = "scim-operator-guard"
VALUES: JSON = {
    "admissionPolicy": {"guardLoosening": True},
    "crds": {"enabled": False},
    "rbac": {"create": False},
}
POLICIES = "/apis/admissionregistration.k8s.io/v1"
SECONDS = 30
DRY = {"dryRun": "All"}


@pytest.fixture(scope="module")
def clients(plane: ControlPlane, admin: httpx.Client) -> Iterator[dict[str, httpx.Client]]:
    """Ada, who may edit and approve, and Eve, who may edit, under a release that guards."""
    for user in (ADA, EVE):
        bind(admin, f"{user.partition('@')[0]}-edits", f"{RELEASE}-edit", user)
    bind(admin, "ada-approves", f"{RELEASE}-approve", ADA)
    assert install(admin, VALUES, GUARD) == []
    opened = {user: plane.client(token_of(user)) for user in (ADA, EVE)}
    deadline = time.monotonic() + SECONDS
    while opened[EVE].post(INTEGRATION, params={"dryRun": "All"}, json=integration("Enforce")).is_success:
        assert time.monotonic() < deadline, "the policy refuses nothing"
        time.sleep(0.2)
    yield opened
    for client in opened.values():
        client.close()
    for kind in ("validatingadmissionpolicybindings", "validatingadmissionpolicies"):
        for suffix in ("approve", "loosen", "loosen-protected"):
            admin.delete(f"{POLICIES}/{kind}/{GUARD}-{suffix}")


def integration(mode: str) -> JSON:
    body = resource("ScimIntegration", SMALLEST["ScimIntegration"])
    return {**body, "spec": {**body["spec"], "mode": mode}}


def org(protected: list[str]) -> JSON:
    body = resource("OktaOrg", SMALLEST["OktaOrg"])
    return {**body, "spec": {**body["spec"], "protected": protected}}


CHANGES: list[tuple[JSON, str]] = [
    ({"mode": "Enforce"}, "spec.mode"),
    ({"mode": "Observe"}, ""),
    ({"safeguards": {"removals": {"count": 21}}}, "spec.safeguards.removals.count"),
    ({"safeguards": {"removals": {"count": 19}, "window": "48h"}}, ""),
    ({"safeguards": {"window": "90m"}}, "spec.safeguards.window"),
    ({"safeguards": {"window": "1440m"}}, ""),
    ({"deletionPolicy": "Deprovision"}, "spec.deletionPolicy"),
    ({"adoption": {"mayDeactivate": True}}, "spec.adoption.mayDeactivate"),
    ({"okta": {"orgRef": {"name": "another"}}}, "spec.okta.orgRef"),
    ({"interval": "5m"}, ""),
]


@pytest.mark.parametrize(("change", "told"), CHANGES)
def test_an_update(clients: dict[str, httpx.Client], admin: httpx.Client, change: JSON, told: str) -> None:
    admin.post(INTEGRATION, json=integration("Approve")).raise_for_status()
    try:
        answers = {
            user: client.patch(f"{INTEGRATION}/sample", params=DRY, json={"spec": change}, headers=MERGE)
            for user, client in clients.items()
        }
    finally:
        admin.delete(f"{INTEGRATION}/sample")
    assert answers[ADA].status_code == 200, answers[ADA].text
    assert answers[EVE].status_code == (403 if told else 200), answers[EVE].text
    assert told in answers[EVE].text


def test_protected_logins(clients: dict[str, httpx.Client], admin: httpx.Client) -> None:
    eve = clients[EVE]
    body = org([f"p{number}@acme.com" for number in range(100)])
    admin.post(ORG, json=body).raise_for_status()
    path, dry = f"{ORG}/sample", {"dryRun": "All"}
    try:
        for kept, code in ((body["spec"]["protected"][1:], 403), ([*body["spec"]["protected"], "new"], 200)):
            change = {"spec": {"protected": kept}}
            assert eve.patch(path, params=dry, json=change, headers=MERGE).status_code == code
        assert eve.delete(path, params=dry).status_code == 403
        assert clients[ADA].delete(path, params=dry).status_code == 200
    finally:
        admin.delete(path)


def test_the_policies_type_check(clients: dict[str, httpx.Client], admin: httpx.Client) -> None:
    for suffix in ("loosen", "loosen-protected"):
        found = admin.get(f"{POLICIES}/validatingadmissionpolicies/{GUARD}-{suffix}").json()
        assert not (found.get("status", {}).get("typeChecking") or {}).get("expressionWarnings")
