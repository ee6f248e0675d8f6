"""The two wheels, built and installed into environments that have nothing but the lock of the image.

The operator's own is production. The sandbox, with its simulators, its faults and the examples, is the other
one, and comes by an extra.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterable
from dataclasses import dataclass
from email.parser import Parser
from pathlib import Path
from zipfile import ZipFile

import pytest
import yaml

from controller import __version__
from tests.conftest import missing

ROOT = Path(__file__).parents[3]
OPERATOR, SANDBOX = "scim-operator", "scim-operator-sandbox"
IMPORT_EVERYTHING = """
import importlib, pkgutil, sys
import controller
names = [module.name for module in pkgutil.walk_packages(controller.__path__, "controller.")]
for name in names:
    importlib.import_module(name)
loaded = {name.partition(".")[0] for name in sys.modules}
print(len(names), *sorted(loaded & {"scim_sandbox", "tests", "bench"}))
"""
pytestmark = pytest.mark.slow


def run(command: Iterable[str | Path], folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """The end of `command`, run in `folder` without what points Python at this checkout."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return subprocess.run(
        [str(part) for part in command],
        cwd=folder,
        env=inherited | environment,
        capture_output=True,
        text=True,
        timeout=300,
    )


def build(project: Path, target: str, folder: Path) -> Path:
    """The one file that hatchling makes of `project`."""
    folder.mkdir()
    built = run([sys.executable, "-m", "hatchling", "build", "-t", target, "-d", folder], project)
    assert built.returncode == 0, built.stdout + built.stderr
    (file,) = folder.iterdir()
    return file


def names_in(wheel: Path) -> set[str]:
    with ZipFile(wheel) as archive:
        return set(archive.namelist())


def metadata(wheel: Path) -> dict[str, list[str]]:
    """Field -> its values, as an installer reads them."""
    with ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        message = Parser().parsestr(archive.read(name).decode())
    return {field: message.get_all(field, []) for field in message}


@dataclass(frozen=True)
class Wheels:
    """Both wheels of this checkout, alone in `folder`."""

    operator: Path
    sandbox: Path
    folder: Path


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Wheels:
    folder = tmp_path_factory.mktemp("wheels")
    operator = build(ROOT, "wheel", folder / "operator")
    sandbox = build(ROOT / "sandbox", "wheel", folder / "sandbox")
    return Wheels(Path(shutil.copy(operator, folder)), Path(shutil.copy(sandbox, folder)), folder)


@dataclass(frozen=True)
class Environment:
    """A virtual environment without pip, and how programs in it are run."""

    folder: Path

    @property
    def python(self) -> Path:
        return self.folder / "bin" / "python"

    def install(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        """What uv says, or pip where uv reaches no registry. Modules are compiled, as pip does it: otherwise
        the demo would compile what it imports, within the time that it allows the operator."""
        options = ["--quiet", *arguments]
        uv = [sys.executable, "-m", "uv", "pip", "install", "--compile-bytecode"]
        quick = run([*uv, "--python", self.python, *options], self.folder)
        if quick.returncode == 0:
            return quick
        pip = [sys.executable, "-m", "pip", "--python", self.python, "install", "--disable-pip-version-check"]
        return run([*pip, *options], self.folder)

    def scimctl(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return run([self.folder / "bin" / "scimctl", *arguments], self.folder, **environment)

    def with_wheels(self, folder: Path, wheels: Wheels, requirement: str) -> Environment:
        """A copy in `folder` that also has `requirement`, installed from the wheels and from nothing else."""
        shutil.copytree(self.folder, folder, symlinks=True)
        copy = Environment(folder)
        done = copy.install("--no-index", "--find-links", wheels.folder, requirement)
        assert done.returncode == 0, done.stdout + done.stderr
        return copy


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """An environment with what the image has, but for the operator itself."""
    found = Environment(tmp_path_factory.mktemp("locked") / "venv")
    made = run([sys.executable, "-m", "venv", "--without-pip", found.folder], ROOT)
    assert made.returncode == 0, made.stderr
    lock = ROOT / "requirements" / "runtime.txt"
    done = found.install("--no-deps", "--require-hashes", "-r", lock)
    if done.returncode != 0:
        missing(f"a package registry that has requirements/runtime.txt ({done.stderr.strip()[-300:]})")
    return found


@pytest.fixture(scope="module")
def operator(locked: Environment, wheels: Wheels, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """What `pip install scim-operator` makes."""
    return locked.with_wheels(tmp_path_factory.mktemp("operator") / "venv", wheels, OPERATOR)


@pytest.fixture(scope="module")
def sandbox(locked: Environment, wheels: Wheels, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """What `pip install 'scim-operator[sandbox]'` makes."""
    return locked.with_wheels(tmp_path_factory.mktemp("sandbox") / "venv", wheels, f"{OPERATOR}[sandbox]")


def test_the_operators_wheel_is_the_operators_package_alone(wheels: Wheels) -> None:
    names = names_in(wheels.operator)
    information = f"scim_operator-{__version__}.dist-info"
    assert {name.partition("/")[0] for name in names} == {"controller", information}
    about = [name for name in names if "sandbox" in name or "examples" in name or "shipped" in name]
    assert about == ["controller/cli/sandbox.py"]  # the door that says how to install it
    assert f"{information}/licenses/LICENSE" in names
    assert "controller/cli/main.py" in names and "controller/cli/generate.py" not in names


def test_the_sandboxes_wheel_has_no_part_of_the_operator_and_all_that_the_demo_reads(wheels: Wheels) -> None:
    names = names_in(wheels.sandbox)
    information = f"scim_operator_sandbox-{__version__}.dist-info"
    assert {name.partition("/")[0] for name in names} == {"scim_sandbox", information}
    files = [ROOT / "charts/scim-operator/files/alerts.yaml", *(ROOT / "examples").rglob("*.*")]
    read = {f"scim_sandbox/shipped/{file.relative_to(ROOT)}": file.read_bytes() for file in files}
    assert {name for name in names if "/shipped/" in name} == set(read)
    read[f"{information}/licenses/LICENSE"] = (ROOT / "LICENSE").read_bytes()
    with ZipFile(wheels.sandbox) as archive:
        assert {name: archive.read(name) for name in read} == read


def test_both_wheels_are_of_one_version(wheels: Wheels) -> None:
    operator, sandbox = metadata(wheels.operator), metadata(wheels.sandbox)
    assert operator["Version"] == sandbox["Version"] == [__version__]
    assert f"{OPERATOR}=={__version__}" in sandbox["Requires-Dist"]
    assert f"{SANDBOX}; extra == 'sandbox'" in operator["Requires-Dist"]


def test_the_chart_and_the_image_name_the_version_of_the_packages() -> None:
    chart = yaml.safe_load((ROOT / "charts/scim-operator/Chart.yaml").read_text())
    assert chart["appVersion"] == __version__
    assert f"ARG VERSION={__version__}\n" in (ROOT / "Dockerfile").read_text()


def test_a_source_distribution_of_the_sandbox_makes_the_same_wheel(wheels: Wheels, tmp_path: Path) -> None:
    source = build(ROOT / "sandbox", "sdist", tmp_path / "source")
    with tarfile.open(source) as archive:
        archive.extractall(tmp_path, filter="data")
    wheel = build(tmp_path / source.name.removesuffix(".tar.gz"), "wheel", tmp_path / "wheel")
    assert names_in(wheel) == names_in(wheels.sandbox)
    assert metadata(wheel) == metadata(wheels.sandbox)


def test_every_module_of_the_operator_is_imported_without_the_sandbox(operator: Environment) -> None:
    done = run([operator.python, "-c", IMPORT_EVERYTHING], operator.folder)
    assert done.returncode == 0, done.stderr
    count, *strangers = done.stdout.split()
    assert int(count) > 200
    assert strangers == []


@pytest.mark.parametrize("command", ["demo", "sandbox"])
def test_without_the_sandbox_its_commands_say_how_to_install_it(operator: Environment, command: str) -> None:
    done = operator.scimctl(command)
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert "the sandbox is not installed" in line
    assert line.endswith(f"run: pip install 'scim-operator[sandbox]=={__version__}'")


def test_without_the_sandbox_the_other_commands_work(operator: Environment) -> None:
    done = operator.scimctl("validate", str(ROOT / "examples" / "quickstart"))
    assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
    assert operator.scimctl("--version").stdout == f"scimctl {__version__}\n"


def test_the_demo_runs_from_the_wheels(sandbox: Environment) -> None:
    done = sandbox.scimctl("demo")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "checks held" in done.stdout
