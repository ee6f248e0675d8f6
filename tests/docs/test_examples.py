"""Every example is taken by the API server under strict validation, and by `scimctl validate`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from pydantic import SecretStr

from controller.cli.validate import find_problems
from controller.clock import SystemClock
from controller.kube.client import ApiServer, open_api_server
from controller.kube.manifests import read_manifests, resource_path
from scim_sandbox.folder import write_kubeconfig
from scim_sandbox.kubernetes.app import build_app, kubeconfig
from scim_sandbox.run import install_crds
from scim_sandbox.serving import serve

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
FOLDERS = sorted(folder.name for folder in EXAMPLES.iterdir() if folder.is_dir())


@pytest_asyncio.fixture
async def api(tmp_path: Path) -> AsyncIterator[ApiServer]:
    """An API server that knows our kinds."""
    served = await serve(build_app(SystemClock(), SecretStr("token")))
    file = write_kubeconfig(tmp_path, kubeconfig(served.url, "token"))
    opened = await open_api_server(str(file))
    await install_crds(opened)
    yield opened
    await opened.aclose()
    await served.stop()


@pytest.mark.parametrize("folder", FOLDERS)
async def test_the_api_server_takes_it_strictly(api: ApiServer, folder: str) -> None:
    for manifest in read_manifests([EXAMPLES / folder]):
        await api.apply(resource_path(manifest.body, "default"), manifest.body, manager="kubectl")


@pytest.mark.parametrize("folder", FOLDERS)
def test_validate_finds_nothing(folder: str) -> None:
    assert find_problems(read_manifests([EXAMPLES / folder])) == []


@pytest.mark.parametrize("folder", FOLDERS)
def test_it_is_told_in_the_list_of_examples(folder: str) -> None:
    assert f"({folder}/)" in (EXAMPLES / "README.md").read_text()


def test_no_example_holds_a_secret_or_the_name_of_a_real_host() -> None:
    text = "\n".join(file.read_text() for file in EXAMPLES.rglob("*.yaml"))
    values = [
        line for line in text.splitlines() if line.strip().startswith(("token:", "apiToken:", "privateKey:"))
    ]
    assert values
    assert all("REPLACE-WITH-" in line for line in values)
