"""The image, built without a container engine, and programs run from it as a container would run them.

Used by the tests beside it. buildah with chroot isolation builds on a base that mmdebstrap makes out of the
archive that this machine uses itself; a mount namespace with a read-only root stands in for the engine.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[3]
TOOLS = ("buildah", "mmdebstrap", "unshare", "chroot", "mount")
AUTHORITIES = Path("/etc/ssl/certs/ca-certificates.crt")
BASE, IMAGE = "localhost/scim-operator-base:test", "localhost/scim-operator:test"
PACKAGES = "python3,python3-venv,ca-certificates"
# What a container engine sets up before it starts a process: a read-only root, a fresh /tmp, /dev and /proc.
START = """
set -e
root=$1; files=$2; shift 2
mount --bind "$root" "$root" && mount -o remount,bind,ro "$root"
mount -t tmpfs -o mode=1777,nosuid,nodev tmpfs "$root/tmp"
mount --rbind /dev "$root/dev" && mount -t proc proc "$root/proc"
if [ -n "$files" ]; then cp -r "$files/." "$root/tmp/" && chown -R 65532:65532 "$root/tmp/." ; fi
exec chroot --userspec=65532:65532 --groups= "$root" "$@"
"""


@dataclass(frozen=True, slots=True)
class Image:
    """A built image: its configuration, its bytes, and its files under `root`."""

    config: Mapping[str, Any]
    size: int
    base_size: int
    root: Path

    def command(self, *arguments: str, entry: Sequence[str] = ()) -> list[str]:
        """The command line that runs `arguments` behind the image's entry point, or behind `entry`."""
        start = [*(entry or self.config["Entrypoint"]), *arguments]
        return ["unshare", "--mount", "sh", "-c", START, "start", str(self.root), "", *start]

    def start(
        self, *arguments: str, files: Path | None = None, entry: Sequence[str] = (), **environment: str
    ) -> subprocess.Popen[str]:
        """A process of the image; `files` is a folder whose content is found under /tmp."""
        command = self.command(*arguments, entry=entry)
        command[command.index("")] = str(files or "")
        own = dict(pair.split("=", 1) for pair in self.config["Env"])
        return subprocess.Popen(
            command,
            env=own | environment,
            cwd="/",
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    def output(self, *arguments: str, entry: Sequence[str] = ()) -> str:
        """What a process of the image prints; AssertionError where it fails."""
        process = self.start(*arguments, entry=entry)
        printed, _ = process.communicate(timeout=60)
        assert process.returncode == 0, printed
        return printed


class Builder:
    """buildah with a storage of its own under `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._environment = {**os.environ, "BUILDAH_ISOLATION": "chroot"}
        self._flags = ["--root", str(folder / "storage"), "--runroot", str(folder / "run")]
        self._flags += ["--storage-driver", "overlay" if has_overlay(folder) else "vfs"]

    def buildah(self, *arguments: str) -> str:
        """What buildah prints on standard output; AssertionError with all it said where it fails."""
        return self._run(["buildah", *self._flags, *arguments])

    def _run(self, command: list[str]) -> str:
        run = subprocess.run(command, env=self._environment, cwd=ROOT, capture_output=True, text=True)
        assert run.returncode == 0, run.stdout[-3000:] + run.stderr[-3000:]
        return run.stdout.strip()

    def build(self) -> Image:
        """The image of the Dockerfile in this checkout."""
        self._make_base()
        mounts = [f"--volume={path}:{inside}:ro" for path, inside in self._pip_mounts()]
        self.buildah("bud", "--pull-never", "--build-arg", f"BASE={BASE}", *mounts, "--tag", IMAGE, ".")
        container = self.buildah("from", IMAGE)
        about = json.loads(self.buildah("inspect", "--type", "image", IMAGE))
        root = Path(self.buildah("mount", container))
        return Image(about["OCIv1"]["config"], tree_size(root), self._base_size, root)

    def _make_base(self) -> None:
        """A base image with Python, straight into the storage: no tar in between."""
        container = self.buildah("from", "scratch")
        root = Path(self.buildah("mount", container))
        options = ["--variant=minbase", f"--include={PACKAGES}", "--dpkgopt=force-unsafe-io"]
        options += [f"--dpkgopt=path-exclude=/usr/share/{part}/*" for part in ("man", "doc", "locale")]
        options += ["--components=main,universe"] if _release()["ID"] == "ubuntu" else []
        self._run(
            ["mmdebstrap", "--mode=root", "--quiet", *options, _release()["VERSION_CODENAME"], str(root)]
        )
        self._base_size = tree_size(root)
        self.buildah("commit", "--quiet", "--disable-compression", "--rm", container, BASE)

    def _pip_mounts(self) -> Iterable[tuple[Path, str]]:
        """What pip needs inside to reach what it reaches outside: authorities, configuration, local files."""
        settings = pip_settings()
        file = self._folder / "pip.conf"
        file.write_text("[global]\n" + "".join(f"{key} = {value}\n" for key, value in settings.items()))
        yield file, "/etc/pip.conf"
        found = re.findall(r"(?:file://|(?<![\w/:]))(/[\w./-]+)", " ".join(settings.values()))
        local = {Path(text.removesuffix("/simple")) for text in found} | {AUTHORITIES}
        yield from ((path, str(path)) for path in sorted(local) if path.exists())

    def clean(self) -> None:
        """Frees the disk."""
        self.buildah("umount", "--all")
        self.buildah("rm", "--all")
        subprocess.run(["rm", "-rf", str(self._folder / "storage"), str(self._folder / "run")], check=True)


def has_overlay(folder: Path) -> bool:
    """Whether layers can be stacked in `folder`; vfs, which copies each of them, works everywhere."""
    parts = [folder / name for name in ("lower", "upper", "work", "merged")]
    for part in parts:
        part.mkdir()
    lower, upper, work, merged = map(str, parts)
    options = f"lowerdir={lower},upperdir={upper},workdir={work}"
    script = 'mount -t overlay overlay -o "$1" "$2"'
    command = ["unshare", "--mount", "sh", "-c", script, "sh", options, merged]
    return subprocess.run(command, capture_output=True).returncode == 0


def pip_settings() -> dict[str, str]:
    """What pip on this machine is told by its files and by the environment; the environment wins."""
    command = [sys.executable, "-m", "pip", "config", "list"]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = re.findall(r"^(global|:env:)\.([\w-]+)='(.*)'$", listed, re.MULTILINE)
    ordered = sorted(found, key=lambda one: one[0] == ":env:")
    return {key: value.replace("\\n", " ").strip() for _, key, value in ordered}


def tree_size(root: Path) -> int:
    """Bytes of every file under `root`, each inode once."""
    sizes: dict[int, int] = {}
    for folder, _, names in os.walk(root):
        for name in names:
            about = (Path(folder) / name).lstat()
            sizes[about.st_ino] = about.st_size
    return sum(sizes.values())


def _release() -> dict[str, str]:
    """os-release of this machine, whose archive keys are at hand."""
    lines = Path("/etc/os-release").read_text().splitlines()
    return {key: value.strip('"') for key, _, value in (line.partition("=") for line in lines if "=" in line)}
