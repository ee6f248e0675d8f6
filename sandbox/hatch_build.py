"""What hatchling asks while it builds the sandbox: its requirements, and files from outside its folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from hatchling.metadata.plugin.interface import MetadataHookInterface

SHIPPED = ("examples", "charts/scim-operator/files/alerts.yaml")
"""Of the project's root: what the demo applies, and the alerts that it evaluates."""


class Requirements(MetadataHookInterface):
    """The operator at the very same version, since the sandbox runs it in its own process, and the rest."""

    def update(self, metadata: dict[str, Any]) -> None:
        metadata["dependencies"] = [f"scim-operator=={metadata['version']}", *self.config["dependencies"]]


class ShippedFiles(BuildHookInterface[Any]):
    """Puts SHIPPED into the package. A source distribution has them there already."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        package = Path(self.root, "scim_sandbox", "shipped")
        if version == "editable" or package.exists():
            return
        for name in SHIPPED:
            source = Path(self.root).parent / name
            if not source.exists():
                raise FileNotFoundError(f"{source}: build the sandbox in a checkout of the whole project")
            build_data["force_include"][str(source)] = f"scim_sandbox/shipped/{name}"
