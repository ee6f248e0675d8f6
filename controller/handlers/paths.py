"""Paths of the Kubernetes API. Used by apiserver's callers and by manifests."""

from __future__ import annotations


def object_path(api_version: str, plural: str, namespace: str = "", name: str = "") -> str:
    """`/apis/GROUP/VERSION/namespaces/NS/PLURAL/NAME`; no namespace: all of them, or a cluster-wide kind."""
    root = f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"
    middle = f"/namespaces/{namespace}" if namespace else ""
    return f"{root}{middle}/{plural}" + (f"/{name}" if name else "")
