"""`gitops/argocd/argocd-cm.yaml`: the Lua files beside it as the ConfigMap patch that Argo CD reads.

Called by generate. The Lua is written and tested in files of its own; YAML is only its envelope.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from controller.api import GROUP, KINDS

ARGOCD = Path(__file__).resolve().parents[2] / "gitops" / "argocd"
ACTIONS = ("refresh", "suspend", "resume", "approve")
_HEAD = """# Made by `make generate` from health.lua and actions/. Do not edit.
# kubectl patch configmap argocd-cm -n argocd --patch-file gitops/argocd/argocd-cm.yaml
data:
"""


def argocd_files() -> dict[str, str]:
    """The patch by its path."""
    return {"gitops/argocd/argocd-cm.yaml": _HEAD + "".join(_entries())}


def _entries() -> Iterator[str]:
    health = (ARGOCD / "health.lua").read_text(encoding="utf-8")
    discovery = (ARGOCD / "actions" / "discovery.lua").read_text(encoding="utf-8")
    for kind in KINDS:
        yield f"  resource.customizations.health.{GROUP}_{kind}: |\n{_indented(health, 4)}"
        yield f"  resource.customizations.actions.{GROUP}_{kind}: |\n"
        yield f"    discovery.lua: |\n{_indented(discovery, 6)}    definitions:\n"
        for name in ACTIONS:
            action = (ARGOCD / "actions" / f"{name}.lua").read_text(encoding="utf-8")
            yield f"    - name: {name}\n      action.lua: |\n{_indented(action, 8)}"


def _indented(text: str, width: int) -> str:
    return "".join(f"{' ' * width}{line}\n" if line else "\n" for line in text.splitlines())
