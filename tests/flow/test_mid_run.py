"""What changes under a running operator: Secrets that turn to nonsense, a namespace that goes."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from controller.errors import NotFound
from controller.kube.paths import object_path
from tests.flow.conftest import JSON, Flow, condition, says

pytestmark = pytest.mark.asyncio(loop_scope="module")
INTEGRATION = ("ScimIntegration", "calendly")
HOSTS = "scim-operator.dev/allowed-hosts"


def text(value: bytes) -> str:
    return base64.b64encode(value).decode()


NONSENSE: dict[str, tuple[str, JSON, str, str]] = {
    "another token": (
        "calendly-scim",
        {"data": {"token": text(b"wrong")}},
        "CredentialsValid",
        "CredentialsRejected",
    ),
    "two lines": (
        "calendly-scim",
        {"data": {"token": text(b"one\ntwo")}},
        "CredentialsValid",
        "CredentialsInvalid",
    ),
    "no ASCII": (
        "calendly-scim",
        {"data": {"token": text("tökén".encode())}},
        "CredentialsValid",
        "CredentialsInvalid",
    ),
    "bytes": (
        "calendly-scim",
        {"data": {"token": text(b"\xff\xfe\x00")}},
        "ReferencesResolved",
        "SecretNotFound",
    ),
    "empty": ("calendly-scim", {"data": {"token": ""}}, "ReferencesResolved", "SecretKeyMissing"),
    "no key": ("calendly-scim", {"data": {"token": None}}, "ReferencesResolved", "SecretNotFound"),
    "no audience": (
        "calendly-scim",
        {"metadata": {"annotations": {HOSTS: None}}},
        "CredentialsValid",
        "HostNotAllowed",
    ),
    "Okta's": ("okta-api", {"data": {"apiToken": text(b"a\r\nb")}}, "CredentialsValid", "CredentialsInvalid"),
    "admin's": (
        "calendly-admin",
        {"data": {"token": text(b"a\nb")}},
        "CredentialsValid",
        "CredentialsInvalid",
    ),
}


@pytest.mark.parametrize("case", NONSENSE)
async def test_a_secret_that_turns_to_nonsense_is_told_and_its_repair_is_taken_up(
    flow: Flow, case: str
) -> None:
    name, change, kind, reason = NONSENSE[case]
    await flow.apply_quickstart()
    await flow.until(*INTEGRATION, says("InSync", "True", "InSync"))
    people = await flow.provider.people()
    await flow.api.patch(object_path("v1", "secrets", "default", name), change)
    body = await flow.until(*INTEGRATION, lambda one: condition(one, "Ready").get("status") == "False")
    found = condition(body, kind)
    assert (found["status"], found["reason"]) == ("False", reason), found
    assert "UnexpectedError" not in str(body["status"])
    await flow.apply(flow.example("Secret", name))
    await flow.until(*INTEGRATION, says("InSync", "True", "InSync"))
    assert await flow.provider.people() == people


def moved(body: JSON, namespace: str) -> JSON:
    return {**body, "metadata": {**body["metadata"], "namespace": namespace}}


async def test_a_namespace_that_is_deleted_deprovisions_nobody_and_stops_nothing_else(flow: Flow) -> None:
    await flow.api.create(
        "/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "team"}}
    )
    for kind, name in flow.quickstart:
        change: dict[str, Any] = {"spec": {"deletionPolicy": "Deprovision"}} if kind == INTEGRATION[0] else {}
        await flow.apply(moved(flow.example(kind, name, **change), "team"))
    path = object_path("scim-operator.dev/v1alpha1", "scimintegrations", "team", "calendly")
    await flow.until_path(path, says("InSync", "True", "InSync"))
    people = await flow.provider.people()
    await flow.api.delete("/api/v1/namespaces/team")
    if flow.is_real:
        # What the namespace controller does, which a control plane without a controller manager lacks.
        await flow.api.delete(path)
    await flow.until_gone(path)
    assert await flow.provider.people() == people
    await flow.apply(
        flow.example(*INTEGRATION, spec={"mode": "Observe"}), *flow.quickstart_but(INTEGRATION[0])
    )
    await flow.until(*INTEGRATION, says("Ready", "True", "Succeeded"))
    assert flow.world.operator is not None and not flow.world.operator.done()
    with pytest.raises(NotFound):
        await flow.api.get(path)
