"""The image really built, looked into, and run: as nobody, on a read-only root, against the sandbox."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import stat
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from itertools import islice
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

import pytest

from controller.api import API_VERSION, KINDS
from controller.kube.manifests import read_manifests
from controller.kube.paths import object_path
from scim_sandbox.people import generated
from scim_sandbox.run import Setup, apply_manifests, free_port, open_world
from scim_sandbox.watch_cache import Board, has_condition
from tests.contract.image.building import Image

pytestmark = pytest.mark.slow

OURS = 260_000_000
"""Bytes that the image may add to its base."""
OWNER = 65532
COMPILERS = {"gcc", "cc", "g++", "c++", "clang", "ld", "as", "make", "rustc", "go"}


def files(root: Path, *below: str) -> Iterator[Path]:
    for part in below or ("",):
        for folder, folders, names in os.walk(root / part):
            yield from (Path(folder) / name for name in [*folders, *names])


@asynccontextmanager
async def running(process: subprocess.Popen[str]) -> AsyncIterator[subprocess.Popen[str]]:
    """Ends it as kubelet does. In a thread: what it speaks to lives on this loop."""
    try:
        yield process
    finally:
        process.terminate()
        try:
            await asyncio.to_thread(process.communicate, timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            raise


async def answer(url: str, process: subprocess.Popen[str], holds: Callable[[bytes], bool]) -> bytes:
    """The body at `url` once it holds; what the process printed where it ends before."""
    async with asyncio.timeout(60):
        while True:
            if process.poll() is not None:
                pytest.fail(process.communicate()[0])
            try:
                body: bytes = await asyncio.to_thread(lambda: urlopen(url, timeout=5).read())
                if holds(body):
                    return body
            except (HTTPError, URLError, ConnectionError):
                pass
            await asyncio.sleep(0.1)


def test_what_the_image_adds_to_its_base_is_bounded(
    image: Image, record_property: Callable[[str, object], None]
) -> None:
    own = image.size - image.base_size
    record_property("figure", f"image: {own / 1e6:.0f} MB on a base of {image.base_size / 1e6:.0f} MB")
    assert own < OURS


def test_no_package_installer_no_compiler_and_no_caches_are_left(image: Image) -> None:
    found = list(files(image.root, "opt"))
    assert [path for path in found if path.name in {"__pycache__", "pip", "setuptools", "tests"}] == []
    programs = {path.name for path in files(image.root, "bin", "usr/bin", "usr/local/bin", "opt")}
    assert programs & (COMPILERS | {"pip", "pip3"}) == set()
    assert not (image.root / "root/.cache").exists()


def test_the_sandbox_with_its_faults_is_not_in_it(image: Image) -> None:
    found = list(files(image.root, "opt"))
    assert [path for path in found if path.name in {"scim_sandbox", "shipped", "spoil.py"}] == []
    assert [path.name for path in found if path.name == "controller"] == ["controller"]
    process = image.start("demo")
    printed, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert printed.startswith("scimctl: the sandbox is not installed") and "Traceback" not in printed


def test_nothing_belongs_to_the_user_that_runs_it(image: Image) -> None:
    def is_writable(path: Path) -> bool:
        about = path.lstat()
        if stat.S_ISLNK(about.st_mode) or about.st_mode & stat.S_ISVTX:  # /tmp and its like
            return False
        return OWNER in (about.st_uid, about.st_gid) or bool(about.st_mode & stat.S_IWOTH)

    parts = [path.name for path in image.root.iterdir() if path.name not in {"dev", "proc", "sys", "tmp"}]
    assert [path for path in files(image.root, *parts) if is_writable(path)] == []


def test_the_configuration_names_user_entry_point_and_labels(image: Image) -> None:
    assert image.config["User"] == "65532:65532"
    assert image.config["Entrypoint"] == ["scimctl"]
    labels = {name.removeprefix("org.opencontainers.image.") for name in image.config["Labels"]}
    assert {"title", "licenses", "version", "revision", "source", "created"} <= labels


def test_the_bill_of_materials_lists_what_is_installed(image: Image) -> None:
    bill = json.loads((image.root / "opt/scim-operator/share/sbom.cdx.json").read_text())
    listed = {part["name"]: part["version"] for part in bill["components"]}
    code = (
        "from importlib.metadata import distributions as d; print(*{p.metadata['Name'].lower() for p in d()})"
    )
    installed = image.output("-c", code, entry=["/opt/scim-operator/bin/python"]).split()
    assert {name.replace("_", "-").replace(".", "-") for name in installed} | {"python"} == set(listed)
    assert listed["kopf"].startswith("1.45")


def test_a_process_may_write_to_tmp_only(image: Image) -> None:
    code = (
        "import os\n"
        "found = [d for d, _, _ in os.walk('/') if os.access(d, os.W_OK)]\n"
        "own = [d for d in found if not d.startswith(('/proc', '/dev'))]\n"
        "print(os.getuid(), os.getgid(), os.getgroups(), *own)"
    )
    assert image.output("-c", code, entry=["/opt/scim-operator/bin/python"]).split() == [
        "65532",
        "65532",
        "[]",
        "/tmp",
    ]


def test_scimctl_tells_its_commands(image: Image) -> None:
    printed = image.output("--help")
    assert all(command in printed for command in ("operator", "provider", "probe", "plan"))


def exported(process: subprocess.Popen[str], count: int) -> dict[str, str]:
    """The first exports among what the process prints."""
    assert process.stdout is not None
    lines = (line for line in process.stdout if line.startswith("export "))
    pairs = (line.removeprefix("export ").strip().split("=", 1) for line in lines)
    return dict(islice(pairs, count))


async def test_the_provider_serves_from_the_image(image: Image) -> None:
    port = free_port()
    database = {"SCIM_PROVIDER_DATABASE": "sqlite:////tmp/provider.db"}
    options = ["--port", str(port), "--org", "acme", "--public-url", "https://scim.example.com"]
    async with running(image.start("provider", "serve", *options, **database)) as process:
        await answer(f"http://127.0.0.1:{port}/readyz", process, bool)
        exports = exported(process, 2)
        path = exports["SCIM_BASE_URL"].removeprefix("https://scim.example.com")
        headers = {"authorization": f"Bearer {exports['SCIM_TOKEN']}"}
        request = Request(f"http://127.0.0.1:{port}{path}/Users", headers=headers)
        listed = json.loads(await asyncio.to_thread(lambda: urlopen(request, timeout=10).read()))
        assert listed["totalResults"] == 0
        assert '"ready"' in image.output("probe", f"http://127.0.0.1:{port}/readyz")


async def test_the_operator_reconciles_from_the_image(image: Image, tmp_path: Path) -> None:
    setup = Setup(tmp_path / "world", generated(12), with_operator=False)
    async with open_world(setup) as world:
        port, given = free_port(), tmp_path / "given"
        given.mkdir()
        shutil.copy(world.access.kubeconfig, given / "kubeconfig")
        settings = {"ALLOW_HTTP_LOOPBACK": "true", "METRICS_PORT": str(port), "LOG_FORMAT": "json"}
        environment = {f"SCIM_OPERATOR_{key}": value for key, value in settings.items()}
        async with running(
            image.start("operator", files=given, KUBECONFIG="/tmp/kubeconfig", **environment)
        ) as run:
            await answer(f"http://127.0.0.1:{port}/readyz", run, lambda body: body.strip() == b"ready")
            await apply_manifests(world.api, read_manifests([world.examples / "quickstart"]), lambda _: None)
            for kind, name in (("ScimIntegration", "calendly"), ("SeatLimit", "calendly")):
                async with Board(world.api, object_path(API_VERSION, KINDS[kind].plural, "default")) as board:
                    await board.until(name, has_condition("Ready"), 40, f"{kind} Ready")
            metrics = await answer(f"http://127.0.0.1:{port}/metrics", run, bool)
            assert b'scim_operator_seats{name="calendly",namespace="default",state="used"} 8.0' in metrics
            assert run.poll() is None
        assert run.returncode == 0
