"""Secrets that tokens are issued into: patched where they are ours to patch, never made or fought over."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from pydantic import SecretStr

from controller.errors import Conflict, NotFound, Rejected, Unauthorized
from controller.kube.ownership import owner_of
from controller.kube.token_secrets import TokenSecrets
from tests.unit.kube.fakeapi import FakeApi

PLACE = "/api/v1/namespaces/team/secrets/scim"
NOTES: dict[str, str | None] = {"scim-operator.dev/replaced-token": "t1"}
REFERENCE = {"kind": "ExternalSecret", "name": "scim", "apiVersion": "x/v1", "uid": "u"}


def stored(**metadata: Any) -> FakeApi:
    api = FakeApi()
    data = {
        "token": base64.b64encode(b"old").decode(),
        "blob": base64.b64encode(b"\xff").decode(),
        "bad": "?",
    }
    api.put(PLACE, {"metadata": {"name": "scim", **metadata}, "data": data})
    return api


async def test_the_values_are_read_as_text() -> None:
    values = await TokenSecrets(stored()).read("team", "scim")
    assert {key: value.get_secret_value() for key, value in values.items()} == {"token": "old"}


async def test_a_token_and_its_note_are_one_patch_of_the_version_that_was_read() -> None:
    api = stored()
    await TokenSecrets(api).put("team", "scim", "token", SecretStr("new"), NOTES)
    assert api.writes() == [f"PATCH {PLACE}"]
    body = api.objects[PLACE]
    assert base64.b64decode(body["data"]["token"]) == b"new"
    assert body["metadata"]["annotations"] == NOTES


async def test_asking_changes_nothing() -> None:
    api = stored()
    await TokenSecrets(api).check("team", "scim", "token", NOTES)
    assert api.writes() == [f"DRYRUN {PLACE}"]
    assert "annotations" not in api.objects[PLACE]["metadata"]


async def test_a_secret_that_is_missing_is_not_made() -> None:
    api = FakeApi()
    with pytest.raises(NotFound, match="team/scim is gone"):
        await TokenSecrets(api).put("team", "scim", "token", SecretStr("new"), NOTES)
    assert api.writes() == []


async def test_a_secret_that_somebody_else_keeps_is_not_written() -> None:
    api = stored(ownerReferences=[REFERENCE])
    for call in (
        TokenSecrets(api).check("team", "scim", "token", NOTES),
        TokenSecrets(api).put("team", "scim", "token", SecretStr("new"), NOTES),
    ):
        with pytest.raises(Rejected, match="ExternalSecret scim") as caught:
            await call
        assert caught.value.reason == "SecretOwnedByOther"
    assert api.writes() == []


async def test_a_permission_that_is_missing_concerns_this_write_alone(monkeypatch: Any) -> None:
    api = stored()

    async def forbidden(*_: Any, **__: Any) -> None:
        raise Unauthorized("secrets is forbidden", system="Kubernetes", status=403)

    monkeypatch.setattr(api, "patch", forbidden)
    with pytest.raises(Rejected, match="verb patch") as caught:
        await TokenSecrets(api).check("team", "scim", "token", NOTES)
    assert caught.value.reason == "SecretNotWritable"


async def test_a_secret_that_changed_meanwhile_is_not_overwritten(monkeypatch: Any) -> None:
    api = stored()
    read = api.get

    async def late(path: str) -> Any:
        body = await read(path)
        api.put(PLACE, {"metadata": {"name": "scim"}, "data": {}})
        return body

    monkeypatch.setattr(api, "get", late)
    with pytest.raises(Conflict):
        await TokenSecrets(api).put("team", "scim", "token", SecretStr("new"), NOTES)


@pytest.mark.parametrize(
    ("secret", "keeper"),
    [
        ({}, ""),
        ({"metadata": {"labels": {"app": "x"}, "annotations": {"note": "y"}}}, ""),
        ({"metadata": {"ownerReferences": [REFERENCE]}}, "ExternalSecret scim"),
        (
            {
                "metadata": {
                    "ownerReferences": [REFERENCE, {"kind": "SealedSecret", "name": "s", "controller": True}]
                }
            },
            "SealedSecret s",
        ),
        ({"immutable": True, "metadata": {}}, "nobody: it is immutable"),
        ({"metadata": {"labels": {"reconcile.external-secrets.io/created-by": "0a1b"}}}, "External Secrets"),
        (
            {"metadata": {"labels": {"kustomize.toolkit.fluxcd.io/name": "apps"}}},
            "the Flux Kustomization apps",
        ),
        (
            {"metadata": {"annotations": {"argocd.argoproj.io/tracking-id": "web:/Secret:a/b"}}},
            "Argo CD, application web",
        ),
    ],
)
def test_whoever_keeps_a_secret_is_known_by_their_marks(secret: dict[str, Any], keeper: str) -> None:
    assert owner_of(secret) == keeper
