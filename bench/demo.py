"""What anybody sees first: the demo's time, apply to Ready, a quiet reconcile, the sandbox's memory."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx
import yaml

from controller.kube.client import ApiServer, open_api_server
from controller.kube.paths import object_path

SCIMCTL = str(Path(sys.executable).parent / "scimctl")
DEADLINE_SECONDS = 120.0
OURS = "scim-operator.dev/v1alpha1"
PLURALS = {
    "Secret": "secrets",
    "OktaOrg": "oktaorgs",
    "ScimIntegration": "scimintegrations",
    "GroupMapping": "groupmappings",
    "SeatLimit": "seatlimits",
}


def run() -> list[dict[str, Any]]:
    """Rows; the sandbox runs as its users run it, as a process of its own."""
    rows = [_demo()]
    with tempfile.TemporaryDirectory() as folder:
        rows += _sandbox(Path(folder))
    return rows


def _row(figure: str, value: float, unit: str, bound: float, peer: str = "") -> dict[str, Any]:
    return {
        "figure": figure,
        "value": round(value, 2),
        "unit": unit,
        "bound": f"<= {bound:g}",
        "peer": peer,
        "holds": value <= bound,
    }


def _demo() -> dict[str, Any]:
    started = time.monotonic()
    subprocess.run([SCIMCTL, "demo"], check=True, capture_output=True)
    return _row("make demo, environment in place", time.monotonic() - started, "s", 40)


def _sandbox(folder: Path) -> list[dict[str, Any]]:
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([SCIMCTL, "sandbox", "--dir", str(folder / "s")], stdout=log, stderr=log)
    try:
        _until(lambda: (folder / "s" / "env").exists())
        environment = _exports(folder / "s" / "env")
        ready = asyncio.run(_apply_and_wait(folder / "s"))
        quiet = asyncio.run(_quiet(folder / "s", environment))
        memory = _resident_mebibytes(process.pid)
    finally:
        process.terminate()
        process.wait(20)
    return [
        _row("kubectl apply to Ready, quickstart", ready, "s", 5),
        _row("writes of a reconcile with nothing to do", quiet, "writes", 0, "Okta, provider and Kubernetes"),
        _row("sandbox, all servers and the operator", memory, "MiB", 400, "resident"),
    ]


def _until(holds: Any) -> None:
    end = time.monotonic() + DEADLINE_SECONDS
    while not holds():
        if time.monotonic() > end:
            raise TimeoutError("the sandbox did not come up")
        time.sleep(0.05)


def _exports(file: Path) -> dict[str, str]:
    return dict(re.findall(r"^export (\w+)=(.*)$", file.read_text(), re.M))


def _resident_mebibytes(pid: int) -> float:
    """Of the process and its children."""
    total = 0
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            text = status.read_text()
        except OSError:
            continue
        parent = re.search(r"^PPid:\s+(\d+)", text, re.M)
        if status.parent.name == str(pid) or (parent and parent[1] == str(pid)):
            found = re.search(r"^VmRSS:\s+(\d+)", text, re.M)
            total += int(found[1]) if found else 0
    return total / 1024


async def _apply_and_wait(folder: Path) -> float:
    """Seconds from the first object of the quickstart sent to Ready=True of the integration."""
    api = await open_api_server(str(folder / "kubeconfig"))
    try:
        files = sorted((folder / "examples" / "quickstart").glob("*.yaml"))
        documents = [body for file in files for body in yaml.safe_load_all(file.read_text()) if body]
        started = time.monotonic()
        for body in documents:
            plural = PLURALS[body["kind"]]
            name = body["metadata"]["name"]
            await api.apply(object_path(body["apiVersion"], plural, "default", name), body)
        path = object_path(OURS, "scimintegrations", "default", "calendly")
        while not _is_ready(await api.get(path)):
            await asyncio.sleep(0.02)
        return time.monotonic() - started
    finally:
        await api.aclose()


def _is_ready(body: dict[str, Any]) -> bool:
    conditions = body.get("status", {}).get("conditions", [])
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)


async def _quiet(folder: Path, environment: dict[str, str]) -> float:
    """Writes to Okta, to the provider and to the other resources that one requested run makes."""
    api = await open_api_server(str(folder / "kubeconfig"))
    try:
        before = await _marks(api, environment)
        token = str(time.time())
        annotation = {"metadata": {"annotations": {"scim-operator.dev/requested-at": token}}}
        path = object_path(OURS, "scimintegrations", "default", "calendly")
        await api.patch(path, annotation)
        while (await api.get(path)).get("status", {}).get("lastHandledReconcileAt") != token:
            await asyncio.sleep(0.05)
        after = await _marks(api, environment)
        return float(sum(after[key] != before[key] for key in before))
    finally:
        await api.aclose()


async def _marks(api: ApiServer, environment: dict[str, str]) -> dict[str, Any]:
    """What changes with a write: counts at Okta and at the provider, versions of the other resources."""
    async with httpx.AsyncClient() as client:
        sent = (await client.get(environment["OKTA_URL"] + "/_control/requests")).json()["requests"]
        bearer = {"authorization": f"Bearer {environment['SCIM_ADMIN_TOKEN']}"}
        journal = await client.get(environment["SCIM_ADMIN_URL"] + "/journal", headers=bearer)
    marks: dict[str, Any] = {"okta": sum(request["method"] != "GET" for request in sent)}
    marks["provider"] = journal.text
    for plural in ("oktaorgs", "groupmappings", "seatlimits"):
        for body in await api.list_all(object_path(OURS, plural, "default")):
            marks[f"{plural}/{body['metadata']['name']}"] = body["metadata"]["resourceVersion"]
    return marks
