"""A full run whose every output is kept: each write has its line, and no secret is in any of it."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import secrets
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote
from urllib.request import urlopen

import pytest
import pytest_asyncio
from prometheus_client.parser import text_string_to_metric_families

from controller.api import API_VERSION, KINDS
from controller.cli.cardinality import most
from controller.kube.paths import object_path
from scim_sandbox.people import generated
from scim_sandbox.run import OKTAS_TOKEN, Setup, World, free_port, open_world
from tests.flow.conftest import Flow, condition, says

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

WRONG_TOKEN = "00wrong-" + secrets.token_hex(12)
BY_HAND = {"Somebody Else", "Somebody Else Again"}
READY = says("Ready", "True", "Succeeded")
SCIMCTL = str(Path(sys.executable).with_name("scimctl"))


class Kept:
    """What a run has left behind: texts by where they were found, and the secrets of the run."""

    def __init__(self, world: World) -> None:
        access = world.access
        self.texts: dict[str, str] = {}
        self.secrets = {
            "Okta's token": access.okta_api_token,
            "the SCIM token": access.scim_token,
            "the token for Okta": access.okta_scim_token,
            "the admin token": access.scim_admin_token,
            "a wrong token": WRONG_TOKEN,
        }
        self.journal: list[dict[str, Any]] = []

    def lines(self) -> list[dict[str, Any]]:
        """The audit's lines of what became of each write."""
        every = [json.loads(line) for line in self.texts["log"].splitlines() if line.startswith("{")]
        return [
            line for line in every if line["logger"] == "controller.audit" and line["result"] != "Started"
        ]


@asynccontextmanager
async def operator(world: World, kept: Kept) -> AsyncIterator[str]:
    """`scimctl operator` as a process that logs everything it has to say; the URL of its metrics."""
    port = free_port()
    settings = {"ALLOW_HTTP_LOOPBACK": "true", "METRICS_PORT": str(port), "LOG_LEVEL": "debug"}
    own = {"KUBECONFIG": world.access.kubeconfig} | {f"SCIM_OPERATOR_{k}": v for k, v in settings.items()}
    process = await asyncio.create_subprocess_exec(
        SCIMCTL,
        "operator",
        env=os.environ | own,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output = asyncio.create_task(process.communicate())
    try:
        yield f"http://127.0.0.1:{port}/metrics"
    finally:
        process.terminate()
        kept.texts["log"] = (await output)[0].decode()


async def scimctl(world: World, *arguments: str) -> str:
    """What a command prints on both streams."""
    access = world.access
    own = {"KUBECONFIG": access.kubeconfig, "OKTA_API_TOKEN": access.okta_api_token}
    own |= {"SCIM_TOKEN": access.scim_token, "SCIM_ADMIN_TOKEN": access.scim_admin_token}
    own |= {"OKTA_URL": access.okta_url, "SCIM_BASE_URL": access.scim_base_url}
    process = await asyncio.create_subprocess_exec(
        SCIMCTL,
        *arguments,
        env=os.environ | own | {"SCIM_OPERATOR_ALLOW_HTTP_LOOPBACK": "true"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    return (await process.communicate())[0].decode()


async def live(flow: Flow) -> None:
    """Everything that one writes or fails for: provisioning, an approval, drift, a refused token."""
    await flow.apply_quickstart()
    await flow.until("ScimIntegration", "calendly", READY)
    person = (await flow.provider.people())[0]["userName"]
    await flow.provider.edit(person, displayName="Somebody Else")
    await flow.reconcile()
    await flow.patch("ScimIntegration", "calendly", {"spec": {"mode": "Approve"}})
    await flow.provider.edit(person, displayName="Somebody Else Again")
    waiting = await flow.reconcile()
    digest = waiting["status"]["plan"]["digest"]
    await flow.annotate("ScimIntegration", "calendly", approve=digest, approved_by="ada@example.com")
    await flow.until("ScimIntegration", "calendly", says("InSync", "True", "InSync"))
    for name, key in (("calendly-scim", "token"), ("okta-api", "apiToken")):
        wrong = {"data": {key: base64.b64encode(WRONG_TOKEN.encode()).decode()}}
        await flow.api.patch(object_path("v1", "secrets", "default", name), wrong, manager="kubectl")
        await flow.reconcile()
    refused = await flow.get("ScimIntegration", "calendly")
    assert condition(refused, "CredentialsValid")["status"] == "False"


async def look(world: World, flow: Flow, kept: Kept, metrics: str) -> None:
    """Keeps all that anybody can read."""
    for kind in KINDS.values():
        items = await flow.api.list_all(object_path(API_VERSION, kind.plural, "default"))
        kept.texts[kind.kind] = json.dumps(items)
    for plural in ("events", "configmaps"):
        kept.texts[plural] = json.dumps(await flow.api.list_all(object_path("v1", plural, "default")))
    kept.texts["metrics"] = await asyncio.to_thread(lambda: urlopen(metrics, timeout=10).read().decode())
    commands = (
        ("status",),
        ("status", "-o", "json"),
        ("plan", "calendly"),
        ("plan", "calendly", "-o", "json"),
        ("doctor", "calendly"),
        ("drift", "calendly"),
        ("import", "--app", "Calendly"),
    )
    for command in commands:
        kept.texts[" ".join(command)] = await scimctl(world, *command)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def kept(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Kept]:
    setup = Setup(tmp_path_factory.mktemp("audited"), generated(12), with_operator=False)
    async with open_world(setup) as world:
        found, flow = Kept(world), Flow(world)
        try:
            async with operator(world, found) as metrics:
                await live(flow)
                await look(world, flow, found, metrics)
            found.journal = await journal(flow)
        finally:
            await flow.clean()
            await flow.aclose()
        yield found


async def journal(flow: Flow) -> list[dict[str, Any]]:
    """What the provider says was written, and by whom."""
    entries: list[dict[str, Any]] = (await flow._hands[1].send("GET", "/journal?limit=500"))["entries"]
    return entries


async def test_no_secret_is_in_anything_that_anybody_can_read(kept: Kept) -> None:
    assert len(kept.texts) > 10 and all(kept.texts.values())
    for name, secret in kept.secrets.items():
        forms = {secret, quote(secret), base64.b64encode(secret.encode()).decode(), secret[4:-4]}
        for place, text in kept.texts.items():
            for form in forms:
                assert form not in text, f"{name} is in {place}"


async def test_every_write_at_the_provider_has_its_line_with_the_request(kept: Kept) -> None:
    told = {one for line in kept.lines() for one in line.get("requestId", "").split(",")}
    by_token = [entry for entry in kept.journal if entry["actor"].startswith(("scim (", "admin ("))]
    by_us = [entry for entry in by_token if not _by_others(entry["after"] or {})]
    assert len(by_us) >= 8 and len(by_token) == len(by_us) + len(BY_HAND) + 1
    assert {entry["requestId"] for entry in by_us} <= told


def _by_others(after: dict[str, Any]) -> bool:
    """Edits by hand, and the token that the sandbox has issued for Okta."""
    return after.get("displayName") in BY_HAND or after.get("name") == OKTAS_TOKEN


async def test_a_line_says_who_caused_it_what_was_before_and_what_is_after(kept: Kept) -> None:
    corrections = [line for line in kept.lines() if line.get("before", {}).get("displayName") in BY_HAND]
    first, second = corrections
    assert {line["resource"] for line in kept.lines()} == {"default/calendly"}
    assert (first["result"], first["action"]) == ("Done", "UpdateAccount")
    assert first["after"]["displayName"] not in BY_HAND and first["requestId"]
    assert "approvedBy" not in first and "approval" not in first
    assert second["approvedBy"] == "ada@example.com" and len(second["approval"]) == 64
    assert second["generation"] > first["generation"]


async def test_every_line_of_the_log_is_json(kept: Kept) -> None:
    for line in kept.texts["log"].splitlines():
        assert {"time", "level", "logger", "message"} <= set(json.loads(line))


async def test_metrics_have_no_more_series_than_their_page_says(kept: Kept) -> None:
    for family in text_string_to_metric_families(kept.texts["metrics"]):
        if family.name.endswith("_created"):
            pytest.fail(f"{family.name} doubles what is counted")
        labels = {name for sample in family.samples for name in sample.labels} - {"le"}
        bound = int(most(family.name, family.type, labels).split()[0])
        places = {(one.labels.get("namespace"), one.labels.get("name")) for one in family.samples}
        kinds = (
            {one.labels["kind"] for one in family.samples} if "name" in labels and "kind" in labels else {""}
        )
        assert len(family.samples) <= bound * len(places) * len(kinds), family.name
    own = [line for line in kept.texts["metrics"].splitlines() if 'name="calendly"' in line]
    assert 50 < len(own) <= 110


async def test_no_person_is_in_the_metrics(kept: Kept) -> None:
    assert "@" not in kept.texts["metrics"]
