"""The examples for External and Sealed Secrets make the Secrets that the quickstart asks for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[3]
ANNOTATION = "scim-operator.dev/allowed-hosts"


def documents(path: str) -> list[dict[str, Any]]:
    return [body for body in yaml.safe_load_all((ROOT / path).read_text()) if body]


def quickstart() -> dict[str, tuple[set[str], str]]:
    """Name of each Secret -> its keys and its audience."""
    return {
        body["metadata"]["name"]: (set(body["stringData"]), body["metadata"]["annotations"][ANNOTATION])
        for body in documents("examples/quickstart/01-secrets.yaml")
    }


def test_external_secrets_make_every_secret_of_the_quickstart() -> None:
    made = {}
    for body in documents("gitops/secrets/external-secrets.yaml"):
        target = body["spec"]["target"]
        keys = {entry["secretKey"] for entry in body["spec"]["data"]}
        made[target["name"]] = (keys, target["template"]["metadata"]["annotations"][ANNOTATION])
    assert made == quickstart()


def test_a_sealed_secret_makes_one_with_its_audience() -> None:
    (body,) = documents("gitops/secrets/sealed-secret.yaml")
    keys, audience = quickstart()[body["metadata"]["name"]]
    assert set(body["spec"]["encryptedData"]) == keys
    assert body["spec"]["template"]["metadata"]["annotations"][ANNOTATION] == audience
