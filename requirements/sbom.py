"""A CycloneDX 1.6 bill of materials of the environment that runs this, on standard output.

Called while the image is built, by the interpreter of the image itself. Uses the standard library only: what
is listed must not grow by the lister. Licences are as the packages declare them.
"""

from __future__ import annotations

import json
import re
import sys
from importlib.metadata import Distribution, distributions


def component(distribution: Distribution) -> dict[str, object]:
    """One package as a component, found again by its package URL."""
    name = re.sub(r"[-_.]+", "-", distribution.metadata["Name"]).lower()
    found: dict[str, object] = {
        "type": "library",
        "bom-ref": f"pkg:pypi/{name}@{distribution.version}",
        "name": name,
        "version": distribution.version,
        "purl": f"pkg:pypi/{name}@{distribution.version}",
    }
    licence = distribution.metadata.get("License-Expression") or distribution.metadata.get("License")
    if licence and "\n" not in licence:
        found["licenses"] = [{"license": {"name": licence.strip()}}]
    return found


def bill() -> dict[str, object]:
    """The whole document; the interpreter comes first."""
    python = ".".join(map(str, sys.version_info[:3]))
    runtime = {"type": "platform", "bom-ref": "python", "name": "python", "version": python}
    packages = sorted((component(d) for d in distributions()), key=lambda c: str(c["name"]))
    subject = {"type": "application", "bom-ref": "scim-operator", "name": "scim-operator"}
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": subject},
        "components": [runtime, *packages],
    }


if __name__ == "__main__":
    json.dump(bill(), sys.stdout, indent=1)
