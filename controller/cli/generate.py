"""`make generate`: writes the files that are made of code; `--check` compares them and exits 1 on a
difference.

Run as `python -m controller.cli.generate` from anywhere in a checkout. To generate something more, add a
function to OUTPUTS: it returns texts by path, relative to the root of the repository.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from controller.api.crds import build_crds
from controller.cli.gitops import argocd_files
from controller.cli.reference import reference_files
from controller.cli.values import chart_readme

ROOT = Path(__file__).resolve().parents[2]
_HEADER = "# Made by `make generate` from the models in controller/api. Do not edit.\n"


class _Dumper(yaml.SafeDumper):
    """Block style, no anchors, lists indented under their key."""

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


def dump_yaml(document: Mapping[str, Any]) -> str:
    """`document` as YAML in its own order of keys."""
    return yaml.dump(document, Dumper=_Dumper, sort_keys=False, width=110, allow_unicode=True)


def crd_files() -> dict[str, str]:
    """`crds/<plural>.yaml` for each kind."""
    return {f"crds/{crd['spec']['names']['plural']}.yaml": _HEADER + dump_yaml(crd) for crd in build_crds()}


def chart_crd_files() -> dict[str, str]:
    """The same in the chart, since Helm reads no file outside of it."""
    return {f"charts/scim-operator/files/{path}": text for path, text in crd_files().items()}


OUTPUTS: tuple[Callable[[], dict[str, str]], ...] = (
    crd_files,
    chart_crd_files,
    reference_files,
    argocd_files,
    chart_readme,
)


def build_files() -> dict[str, str]:
    """Every generated text by its path."""
    return {path: text for output in OUTPUTS for path, text in output().items()}


def stale_files(root: Path) -> list[str]:
    """Generated paths below `root` that differ from what the code makes now, or are missing."""
    return [path for path, text in build_files().items() if not _is_current(root / path, text)]


def _is_current(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text(encoding="utf-8") == text


def write_files(root: Path) -> list[str]:
    """Writes what is stale below `root`; the paths that were written."""
    stale = stale_files(root)
    texts = build_files()
    for path in stale:
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(texts[path], encoding="utf-8")
    return stale


def main(arguments: Sequence[str] | None = None) -> int:
    """0 when all is current or was written; 1 when --check found a difference."""
    parser = argparse.ArgumentParser(prog="make generate", description="Writes generated files.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 on a difference")
    parser.add_argument("--root", type=Path, default=ROOT, help="root of the repository")
    options = parser.parse_args(arguments)
    if options.check:
        for path in (stale := stale_files(options.root)):
            print(f"{path} is not what the code makes: run make generate", file=sys.stderr)
        return 1 if stale else 0
    for path in write_files(options.root):
        print(f"wrote {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
