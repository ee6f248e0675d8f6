"""`charts/scim-operator/README.md`: every value of the chart with its default and the comment above it.

Called by generate. values.yaml is the source; the README is what Artifact Hub and `helm show readme` show.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

CHART = Path(__file__).resolve().parents[2] / "charts" / "scim-operator"
_KEY = re.compile(r"( *)([A-Za-z]\w*):(.*)")
_HEAD = """<!-- Made by `make generate` from values.yaml. Do not edit. -->

# scim-operator

Okta to SaaS provisioning over SCIM, group mapping and seat limits as Kubernetes resources; optionally the
bundled SCIM 2.0 provider.

```console
$ helm install scim-operator charts/scim-operator --namespace scim-system --create-namespace
$ helm test scim-operator --namespace scim-system
```

Needs Kubernetes 1.30 or later. The CRDs are templates of the chart: an upgrade brings them along, an
uninstall leaves them and every resource. Unknown values are refused, and so are values that contradict each
other. [docs/upgrading.md](https://github.com/scim-operator/scim-operator/blob/main/docs/upgrading.md) tells
what an upgrade keeps.

| Value | Default | Meaning |
|---|---|---|
"""


def chart_readme() -> dict[str, str]:
    """The README by its path."""
    text = (CHART / "values.yaml").read_text(encoding="utf-8")
    rows = "".join(f"| `{path}` | {default} | {told} |\n" for path, default, told in _rows(text))
    return {"charts/scim-operator/README.md": _HEAD + rows}


def _rows(text: str) -> Iterator[tuple[str, str, str]]:
    """Path, default and comment of each value; of one whose members follow on lines of their own, the comment
    alone."""
    defaults = yaml.safe_load(text)
    for path, comment, has_members in _comments(text):
        if not has_members:
            yield ".".join(path), f"`{json.dumps(_at(defaults, path))}`", comment
        elif comment:
            yield ".".join(path), "", comment


def _comments(text: str) -> Iterator[tuple[tuple[str, ...], str, bool]]:
    """Path of each key that stands on a line of its own, the comment above it, and whether members follow."""
    above: list[str] = []
    path: list[str] = []
    for line in text.splitlines():
        stripped, found = line.strip(), _KEY.fullmatch(line)
        if found is not None:
            path[len(found[1]) // 2 :] = [found[2]]
            yield tuple(path), " ".join(above).replace("|", "\\|"), not found[3].strip()
        above = [*above, stripped.removeprefix("#").strip()] if stripped.startswith("#") else []


def _at(values: Mapping[str, Any], path: tuple[str, ...]) -> Any:
    value: Any = values
    for key in path:
        value = value[key]
    return value
