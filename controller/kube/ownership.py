"""Who keeps a Secret beside us, by the marks that the usual keepers leave on it.

Called by run_inputs and by the store of issued tokens. A Secret that something else writes again and again is
never written: the two would undo each other's work, and a token in use could be lost. No I/O.
"""

from __future__ import annotations

from typing import Any

from controller.kube.client import Body

LABELS = {
    "reconcile.external-secrets.io/created-by": "External Secrets",
    "kustomize.toolkit.fluxcd.io/name": "the Flux Kustomization",
    "helm.toolkit.fluxcd.io/name": "the Flux HelmRelease",
}
"""Label -> who sets it. Sealed Secrets and the Vault operator set an owner reference instead."""
ANNOTATIONS = {
    "argocd.argoproj.io/tracking-id": "Argo CD, application",
    "reconcile.external-secrets.io/data-hash": "External Secrets",
}


def owner_of(secret: Body) -> str:
    """Who else keeps `secret`, such as `ExternalSecret calendly`; "" for nobody."""
    metadata: dict[str, Any] = secret.get("metadata") or {}
    references = metadata.get("ownerReferences") or []
    if references:
        first = next((one for one in references if one.get("controller")), references[0])
        return f"{first.get('kind')} {first.get('name')}"
    if secret.get("immutable"):
        return "nobody: it is immutable"
    return _marked(metadata.get("labels") or {}, LABELS) or _marked(
        metadata.get("annotations") or {}, ANNOTATIONS
    )


def _marked(present: dict[str, str], marks: dict[str, str]) -> str:
    for mark, keeper in marks.items():
        if mark in present:
            name = present[mark].partition(":")[0]
            return keeper if keeper == "External Secrets" else f"{keeper} {name}".rstrip()
    return ""
