"""A process that is killed in the middle of a batch has left a line for every write that arrived."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.request import urlopen

import pytest
from prometheus_client.parser import text_string_to_metric_families

from controller.kube.manifests import read_manifests, resource_path
from scim_sandbox.actors import Hands, Provider
from scim_sandbox.people import generated
from scim_sandbox.run import Setup, World, free_port, open_world

pytestmark = pytest.mark.slow

PEOPLE, AT = 60, 25
"""More than 20 writes of one kind are confirmed by one listing in the end."""
SCIMCTL = str(Path(sys.executable).with_name("scimctl"))


@asynccontextmanager
async def operator(world: World, log: Path, metrics_port: int) -> AsyncIterator[asyncio.subprocess.Process]:
    """`scimctl operator` as a process."""
    settings = {"ALLOW_HTTP_LOOPBACK": "true", "METRICS_PORT": str(metrics_port), "WRITES_IN_FLIGHT": "4"}
    own = {"KUBECONFIG": world.access.kubeconfig} | {f"SCIM_OPERATOR_{k}": v for k, v in settings.items()}
    with log.open("wb") as out:
        process = await asyncio.create_subprocess_exec(
            SCIMCTL, "operator", env=os.environ | own, stdout=out, stderr=out
        )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def until_written(provider: Provider, count: int) -> None:
    """Returns when the provider has `count` accounts."""
    async with asyncio.timeout(60):
        while len(await provider.people()) < count:  # noqa: ASYNC110 - the provider is another process's
            await asyncio.sleep(0.02)


def counted(port: int) -> float:
    """How many creations the metrics have counted so far."""
    text = urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10).read().decode()
    return sum(
        sample.value
        for family in text_string_to_metric_families(text)
        if family.name == "scim_operator_actions"
        for sample in family.samples
        if sample.labels.get("action") == "CreateAccount" and sample.labels.get("result") == "Started"
    )


async def test_every_account_of_a_killed_batch_has_its_line(tmp_path: Path) -> None:
    setup = Setup(tmp_path / "world", generated(PEOPLE), assigned=PEOPLE, with_operator=False)
    async with open_world(setup) as world:
        access, port, log = world.access, free_port(), tmp_path / "log"
        hands = Hands(access.scim_admin_url, "admin", f"Bearer {access.scim_admin_token}")
        provider = Provider(hands)
        async with operator(world, log, port) as process:
            for manifest in read_manifests([world.examples / "quickstart"]):
                if manifest.kind == "ScimIntegration":
                    manifest.body["spec"]["provider"]["requestsPerSecond"] = 10
                await world.api.apply(
                    resource_path(manifest.body, "default"), manifest.body, manager="kubectl"
                )
            await until_written(provider, AT)
            metric = await asyncio.to_thread(counted, port)
            process.kill()
            await process.wait()
        created = {one["externalId"] for one in await provider.people()}
        await hands.aclose()
    lines = [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]
    audited = [line for line in lines if line["logger"] == "controller.audit"]
    told = {line["subject"] for line in audited if line["action"] == "CreateAccount"}
    assert AT <= len(created) < PEOPLE, "it was killed in the middle"
    assert not any(line["message"] == "write" and line["subject"] in created for line in audited)
    assert created <= told and metric >= AT
    assert all(line["after"]["userName"] for line in audited if line["subject"] in created)
