"""kubectl against the embedded API server: the commands of a working day, each with what it must print.

A real API server, where there is one, has to make kubectl print the same.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from controller.clock import SystemClock
from scim_sandbox.kubernetes.app import build_app, kubeconfig
from scim_sandbox.serving import serve
from tests.cluster.control_plane import ADMIN, ControlPlane, token_of
from tests.cluster.fixtures import APIS, EMBEDDED, write_kubeconfig
from tests.contract.kubernetes.widgets import CRD, GROUP, widget

KUBECTL = shutil.which("kubectl")
TOKEN = "kubectl"
SECONDS = 30.0

pytestmark = pytest.mark.skipif(KUBECTL is None, reason="kubectl is not on this machine")


@dataclass(frozen=True)
class Result:
    """What one command printed and how it ended."""

    code: int
    out: str
    err: str


class Kubectl:
    """Runs kubectl with a home and a cache of its own."""

    def __init__(self, folder: Path, namespace: str) -> None:
        self.folder, self.namespace = folder, namespace
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")},
            "KUBECONFIG": str(folder / "kubeconfig"),
            "KUBECACHEDIR": str(folder / "cache"),
            "HOME": str(folder),
        }

    async def start(self, *arguments: str, **environment: str) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            str(KUBECTL),
            *arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**self.environment, **environment},
        )

    async def run(self, *arguments: str, stdin: str = "", **environment: str) -> Result:
        process = await self.start(*arguments, **environment)
        async with asyncio.timeout(SECONDS):
            out, err = await process.communicate(stdin.encode())
        return Result(process.returncode or 0, out.decode(), err.decode())

    async def ok(self, *arguments: str, stdin: str = "", **environment: str) -> str:
        """What the command printed; it must succeed."""
        result = await self.run(*arguments, stdin=stdin, **environment)
        assert result.code == 0, (arguments, result.out, result.err)
        return result.out

    async def apply(self, *objects: dict[str, Any], options: tuple[str, ...] = ()) -> str:
        listed = {"apiVersion": "v1", "kind": "List", "items": objects}
        return await self.ok("apply", *options, "-f", "-", stdin=json.dumps(listed))


@asynccontextmanager
async def embedded(folder: Path, namespace: str) -> AsyncIterator[None]:
    served = await serve(build_app(SystemClock(), SecretStr(TOKEN)))
    (folder / "kubeconfig").write_text(kubeconfig(served.url, TOKEN, namespace))
    try:
        yield
    finally:
        await served.stop()


@pytest.fixture(params=APIS)
async def kubectl(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Kubectl]:
    """kubectl beside a server that has the Widget kind and a namespace that nobody has used before."""
    runner = Kubectl(tmp_path, f"play-{secrets.token_hex(4)}")
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": runner.namespace}}
    if request.param == EMBEDDED:
        async with embedded(tmp_path, runner.namespace):
            await runner.apply(CRD, namespace)
            yield runner
        return
    plane: ControlPlane = request.getfixturevalue("plane")
    write_kubeconfig(plane, tmp_path / "kubeconfig", token_of(ADMIN), runner.namespace)
    await runner.apply(CRD, namespace)
    await runner.ok("wait", "--for=condition=Established", f"crd/widgets.{GROUP}")
    yield runner
    await runner.ok("delete", "crd", f"widgets.{GROUP}")


only_embedded = pytest.mark.parametrize("kubectl", [EMBEDDED], indirect=True)


def one(size: int = 2, **spec: Any) -> dict[str, Any]:
    return widget("one", {"size": size, **spec})


async def test_apply_creates_configures_and_leaves_alone(kubectl: Kubectl) -> None:
    assert await kubectl.apply(one()) == f"widget.{GROUP}/one created\n"
    assert await kubectl.apply(one()) == f"widget.{GROUP}/one unchanged\n"
    assert await kubectl.apply(one(3)) == f"widget.{GROUP}/one configured\n"
    assert await kubectl.ok("get", "wd", "one", "-o", "jsonpath={.spec.size}") == "3"


async def test_apply_prunes_what_was_taken_out_of_the_manifest(kubectl: Kubectl) -> None:
    await kubectl.apply(one(code="ab", nick="x"))
    await kubectl.apply(one(code="ab"))
    found = json.loads(await kubectl.ok("get", "wd", "one", "-o", "json"))
    assert found["spec"] == {"size": 2, "code": "ab", "color": "Red"}


async def test_apply_of_built_in_kinds_merges_strategically(kubectl: Kubectl) -> None:
    config = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "c"},
        "data": {"a": "1", "b": "2"},
    }
    await kubectl.apply(config)
    await kubectl.ok("label", "configmap", "c", "mine=yes")
    assert await kubectl.apply({**config, "data": {"a": "3"}}) == "configmap/c configured\n"
    found = json.loads(await kubectl.ok("get", "cm", "c", "-o", "json"))
    assert (found["data"], found["metadata"]["labels"]) == ({"a": "3"}, {"mine": "yes"})


async def test_unknown_fields_are_refused_by_name(kubectl: Kubectl) -> None:
    result = await kubectl.run("apply", "-f", "-", stdin=json.dumps(one(zzz=1)))
    assert result.code == 1
    assert 'strict decoding error: unknown field "spec.zzz"' in result.err


async def test_schema_faults_are_refused_with_the_rule(kubectl: Kubectl) -> None:
    result = await kubectl.run("apply", "-f", "-", stdin=json.dumps(one(9)))
    assert result.code == 1
    assert "spec: Invalid value: sizes from 9 come in Blue only" in result.err


async def test_diff_and_dry_run_change_nothing(kubectl: Kubectl) -> None:
    await kubectl.apply(one())
    result = await kubectl.run("diff", "-f", "-", stdin=json.dumps(one(5)))
    assert (result.code, result.err) == (1, "")
    assert "-  size: 2\n+  size: 5\n" in result.out
    assert "configured (server dry run)" in await kubectl.apply(one(5), options=("--dry-run=server",))
    assert await kubectl.ok("get", "wd", "one", "-o", "jsonpath={.spec.size}") == "2"


async def test_server_side_apply_names_the_other_manager(kubectl: Kubectl) -> None:
    mine = ("--server-side", "--field-manager=mine")
    assert "serverside-applied" in await kubectl.apply(one(), options=mine)
    theirs = ("apply", "--server-side", "--field-manager=theirs", "-f", "-")
    result = await kubectl.run(*theirs, stdin=json.dumps(one(4)))
    assert 'Apply failed with 1 conflict: conflict with "mine": .spec.size' in result.err
    await kubectl.ok(*theirs, "--force-conflicts", stdin=json.dumps(one(4)))
    assert await kubectl.ok("get", "wd", "one", "-o", "jsonpath={.spec.size}") == "4"


async def test_server_side_apply_takes_over_from_client_side_apply(kubectl: Kubectl) -> None:
    await kubectl.apply(one(code="ab"))
    await kubectl.apply(one(code="ab"), options=("--server-side",))
    await kubectl.apply(one(4, code="ab"), options=("--server-side",))
    found = json.loads(await kubectl.ok("get", "wd", "one", "-o", "json", "--show-managed-fields"))
    managers = {(entry["manager"], entry["operation"]) for entry in found["metadata"]["managedFields"]}
    assert ("kubectl", "Apply") in managers
    assert ("kubectl-client-side-apply", "Update") not in managers


async def test_get_prints_the_columns_of_the_definition(kubectl: Kubectl) -> None:
    await kubectl.apply(one())
    header, row = (await kubectl.ok("get", "all-widgets")).splitlines()
    assert header.split() == ["NAME", "SIZE", "READY", "AGE"]
    assert row.split()[:2] == ["one", "2"]
    everywhere = await kubectl.ok("get", "wd", "-A", "--no-headers")
    assert everywhere.split()[:2] == [kubectl.namespace, "one"]


async def test_get_with_watch_prints_a_row_for_each_change(kubectl: Kubectl) -> None:
    await kubectl.apply(one())
    process = await kubectl.start("get", "wd", "-w", "--no-headers")
    assert process.stdout is not None
    async with asyncio.timeout(SECONDS):
        assert (await process.stdout.readline()).split()[:2] == [b"one", b"2"]
        await kubectl.ok("patch", "wd", "one", "--type=merge", "-p", '{"spec":{"size":7}}')
        assert (await process.stdout.readline()).split()[:2] == [b"one", b"7"]
    process.kill()
    await process.communicate()


async def test_wait_returns_when_the_condition_comes(kubectl: Kubectl) -> None:
    await kubectl.apply(one())
    waiting = asyncio.create_task(kubectl.ok("wait", "--for=condition=Ready", "wd/one", "--timeout=20s"))
    status = json.dumps({"status": {"conditions": [{"type": "Ready", "status": "True"}]}})
    await kubectl.ok("patch", "wd", "one", "--subresource=status", "--type=merge", "-p", status)
    assert await waiting == f"widget.{GROUP}/one condition met\n"


async def test_describe_shows_the_object_and_its_events(kubectl: Kubectl) -> None:
    await kubectl.apply(one())
    found = json.loads(await kubectl.ok("get", "wd", "one", "-o", "json"))
    involved = {name: found["metadata"][name] for name in ("name", "namespace", "uid")}
    event = {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": "tested", "namespace": kubectl.namespace},
        "involvedObject": {**involved, "kind": "Widget", "apiVersion": found["apiVersion"]},
        **dict.fromkeys(("firstTimestamp", "lastTimestamp"), "2026-01-01T00:00:00Z"),
    }
    await kubectl.apply(
        {**event, "reason": "Tested", "message": "as it should be", "type": "Normal", "count": 1}
    )
    described = await kubectl.ok("describe", "wd", "one")
    assert "Size:   2" in described
    assert "as it should be" in described
    assert "as it should be" in await kubectl.ok("events", "--for", "widget/one")
    assert "as it should be" in await kubectl.ok("get", "events")


async def test_explain_reads_the_schema(kubectl: Kubectl) -> None:
    explained = await kubectl.ok("explain", "widgets.spec", "--recursive")
    assert "size\t<integer> -required-" in explained
    assert "enum: Red, Blue" in explained
    assert "managedFields" in await kubectl.ok("explain", "secret.metadata")


async def test_edit_writes_what_the_editor_saved(kubectl: Kubectl) -> None:
    await kubectl.apply(one())
    edited = await kubectl.ok("edit", "wd", "one", KUBE_EDITOR="sed -i s/size:.2/size:\\ 6/")
    assert edited == f"widget.{GROUP}/one edited\n"
    assert await kubectl.ok("get", "wd", "one", "-o", "jsonpath={.spec.size}") == "6"


async def test_patch_label_and_annotate(kubectl: Kubectl) -> None:
    await kubectl.apply(one())
    await kubectl.ok(
        "patch", "wd", "one", "--type=json", "-p", '[{"op":"add","path":"/spec/code","value":"xy"}]'
    )
    await kubectl.ok("label", "wd", "one", "team=blue")
    await kubectl.ok("annotate", "wd", "one", "note=seen")
    assert (await kubectl.ok("get", "wd", "-l", "team=blue", "-o", "name")) == f"widget.{GROUP}/one\n"
    found = json.loads(await kubectl.ok("get", "wd", "one", "-o", "json"))
    assert found["spec"]["code"] == "xy"
    assert found["metadata"]["annotations"]["note"] == "seen"


async def test_delete_waits_for_the_finalizer(kubectl: Kubectl) -> None:
    await kubectl.apply(widget("one", {"size": 1}, finalizers=[f"{GROUP}/keep"]))
    deleting = asyncio.create_task(kubectl.ok("delete", "wd", "one"))
    marked = "jsonpath={.metadata.deletionTimestamp}"
    while not await kubectl.ok("get", "wd", "one", "-o", marked):
        assert not deleting.done()
    assert not deleting.done()
    await kubectl.ok("patch", "wd", "one", "--type=merge", "-p", '{"metadata":{"finalizers":null}}')
    assert await deleting == f'widget.{GROUP} "one" deleted\n'


@only_embedded
async def test_deleting_a_namespace_or_a_definition_takes_what_it_contains(kubectl: Kubectl) -> None:
    await kubectl.apply(one(), widget("other", {"size": 1}, namespace="default"))
    namespace = kubectl.namespace
    assert await kubectl.ok("delete", "ns", namespace) == f'namespace "{namespace}" deleted\n'
    assert await kubectl.ok("get", "wd", "-A", "-o", "name") == f"widget.{GROUP}/other\n"
    await kubectl.ok("delete", "crd", f"widgets.{GROUP}")
    assert "could not find the requested resource" in (await kubectl.run("get", "wd")).err


@only_embedded
@pytest.mark.parametrize(
    "command",
    [("create", "namespace", "typed"), ("create", "secret", "generic", "s"), ("auth", "can-i", "get", "wd")],
    ids=" ".join,
)
async def test_typed_commands_are_told_that_protobuf_is_not_read(
    kubectl: Kubectl, command: tuple[str, ...]
) -> None:
    result = await kubectl.run(*command)
    assert result.code == 1
    assert "this server reads no protobuf" in result.err
