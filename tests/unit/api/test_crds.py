"""The definitions as a whole: names, columns, the committed files, the size of a status."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from controller.api import KINDS
from controller.api.crds import build_crds, build_schema
from controller.schema import compile_schema
from tests.unit.api.samples import SMALLEST, resource

ROOT = Path(__file__).resolve().parents[3]
CRDS = {crd["spec"]["names"]["kind"]: crd for crd in build_crds()}
SHORT = {"OktaOrg": "okta", "ScimIntegration": "scimint", "GroupMapping": "gmap", "SeatLimit": "seats"}
COLUMNS = {
    "OktaOrg": ["URL", "READY", "BUDGET", "AGE"],
    "ScimIntegration": ["APP", "BY", "MODE", "READY", "INSYNC", "USERS", "WAITING", "AGE"],
    "GroupMapping": ["INTEGRATION", "READY", "VALUES", "UNMATCHED", "AGE"],
    "SeatLimit": ["INTEGRATION", "USED", "LIMIT", "FREE", "WAITING", "STATE", "AGE"],
}


@pytest.mark.parametrize("kind", KINDS)
def test_committed_file_is_what_the_models_make(kind: str) -> None:
    committed = (ROOT / "crds" / f"{KINDS[kind].plural}.yaml").read_text(encoding="utf-8")
    assert yaml.safe_load(committed) == CRDS[kind]


@pytest.mark.parametrize("kind", KINDS)
def test_names_follow_the_conventions(kind: str) -> None:
    crd = CRDS[kind]
    names = crd["spec"]["names"]
    assert crd["metadata"]["name"] == f"{names['plural']}.scim-operator.dev"
    assert (names["singular"], names["listKind"]) == (kind.lower(), f"{kind}List")
    assert (names["shortNames"], names["categories"]) == ([SHORT[kind]], ["scim"])
    (version,) = crd["spec"]["versions"]
    assert (version["name"], version["subresources"]) == ("v1alpha1", {"status": {}})


@pytest.mark.parametrize("kind", KINDS)
def test_columns_tell_the_story(kind: str) -> None:
    (version,) = CRDS[kind]["spec"]["versions"]
    columns = version["additionalPrinterColumns"]
    assert [column["name"].upper() for column in columns if not column.get("priority")] == COLUMNS[kind]
    wide = [column["name"].upper() for column in columns if column.get("priority")]
    assert {"REASON", "MESSAGE"} <= set(wide)
    if kind == "ScimIntegration":
        assert wide == ["DRIFT", "MANUAL", "REASON", "MESSAGE", "LAST-SYNC", "TOKEN"]


@pytest.mark.parametrize("kind", KINDS)
def test_column_reads_a_field_of_its_type(kind: str) -> None:
    (version,) = CRDS[kind]["spec"]["versions"]
    for column in version["additionalPrinterColumns"]:
        if column["jsonPath"].startswith((".metadata", ".status.conditions")):
            continue
        node = version["schema"]["openAPIV3Schema"]
        for part in column["jsonPath"].removeprefix(".").replace("[0]", ".[]").split("."):
            node = node["items"] if part == "[]" else node["properties"][part]
        expected = "string" if column["type"] == "date" else column["type"]
        assert node["type"] == expected, column


@pytest.mark.parametrize("kind", KINDS)
def test_status_says_that_nothing_was_observed_yet(kind: str) -> None:
    obj = resource(kind, SMALLEST[kind])
    assert compile_schema(build_schema(KINDS[kind])).default(obj)["status"] == {"observedGeneration": -1}


def largest(node: dict[str, Any]) -> Any:
    """The largest value that a schema allows, in characters of one byte."""
    if "enum" in node:
        return max(node["enum"], key=len)
    if node["type"] == "string":
        return "x" * node["maxLength"]
    if node["type"] == "array":
        return [largest(node["items"])] * node["maxItems"]
    if node["type"] == "object" and "additionalProperties" in node:
        return {f"{n:x>24}": largest(node["additionalProperties"]) for n in range(node["maxProperties"])}
    if node["type"] == "object":
        return {name: largest(sub) for name, sub in node["properties"].items()}
    return True if node["type"] == "boolean" else 2**31 - 1


@pytest.mark.parametrize("kind", KINDS)
def test_largest_status_stays_below_64_kib(kind: str) -> None:
    status = largest(build_schema(KINDS[kind])["properties"]["status"])
    assert len(yaml.safe_dump(status, default_flow_style=True, width=10**9)) < 64 * 1024
