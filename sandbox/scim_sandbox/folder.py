"""What a sandbox leaves in its folder: env, kubeconfig, and the examples with its own URLs and tokens.

Called by run. The examples are changed as text, so that their comments stay; what is replaced are the
placeholders that every example uses.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import yaml

from controller.errors import SpecError
from scim_sandbox.people import DEPARTMENTS

_PACKAGE = Path(__file__).resolve().parent
_QUICKSTART_SEATS = "seats: 50"


@dataclass(frozen=True, slots=True)
class Access:
    """Where the servers of a sandbox answer, and with which tokens."""

    kubeconfig: str
    okta_url: str
    okta_api_token: str
    scim_base_url: str
    scim_token: str
    scim_admin_url: str
    scim_admin_token: str
    metrics_url: str
    okta_scim_token: str = ""
    """What a person types into Okta: not the operator's own, so that its use can be told apart."""

    @property
    def console_url(self) -> str:
        """The provider's admin center, for people with a browser."""
        return self.scim_admin_url.replace("/admin/v1/", "/console/")

    def exports(self) -> Mapping[str, str]:
        """Name of each variable of the env file -> value."""
        return {
            "KUBECONFIG": self.kubeconfig,
            "OKTA_URL": self.okta_url,
            "OKTA_API_TOKEN": self.okta_api_token,
            "SCIM_BASE_URL": self.scim_base_url,
            "SCIM_TOKEN": self.scim_token,
            "SCIM_ADMIN_URL": self.scim_admin_url,
            "SCIM_ADMIN_TOKEN": self.scim_admin_token,
            "METRICS_URL": self.metrics_url,
        }


def project_file(*parts: str) -> Path:
    """A file or folder of the project that is shipped in the wheel; in a checkout, where it is kept."""
    for root in (_PACKAGE / "shipped", _PACKAGE.parents[1]):
        path = root.joinpath(*parts)
        if path.exists():
            return path
    raise SpecError("is not in this installation", field="/".join(parts))


def write_env(directory: Path, access: Access) -> Path:
    """`directory`/env, put in place whole: who sees it can source it."""
    target = directory / "env"
    lines = [f"export {name}={shlex.quote(value)}\n" for name, value in access.exports().items()]
    _write_private(directory / ".env.new", "".join(lines))
    (directory / ".env.new").replace(target)
    return target


def write_kubeconfig(directory: Path, text: str) -> Path:
    """`directory`/kubeconfig, readable by its owner only."""
    target = directory / "kubeconfig"
    _write_private(target, text)
    return target


def write_examples(directory: Path, access: Access, seats: int, departments: Iterable[str]) -> Path:
    """`directory`/examples: the project's examples as they are to be applied to this sandbox."""
    source, target = project_file("examples"), directory / "examples"
    shutil.rmtree(target, ignore_errors=True)
    values = _replacements(access)
    for file in sorted(source.rglob("*.yaml")):
        text = file.read_text(encoding="utf-8")
        for placeholder, value in values.items():
            text = text.replace(placeholder, value)
        text = text.replace(_QUICKSTART_SEATS, f"seats: {seats}")
        if "kind: GroupMapping" in text and not set(departments) <= set(DEPARTMENTS):
            text = _with_departments(text, departments)
        copy = target / file.relative_to(source)
        copy.parent.mkdir(parents=True, exist_ok=True)
        _write_private(copy, text)
    return target


def _replacements(access: Access) -> dict[str, str]:
    """Placeholder of the examples -> what stands there in this sandbox; longer ones first."""
    return {
        "https://scim.example.com/scim/v2/acme": access.scim_base_url,
        "https://scim.example.com/admin/v1/acme": access.scim_admin_url,
        "https://acme.okta.com": access.okta_url,
        "scim.example.com": urlsplit(access.scim_base_url).netloc,
        "acme.okta.com": urlsplit(access.okta_url).netloc,
        "REPLACE-WITH-OKTA-API-TOKEN": access.okta_api_token,
        "REPLACE-WITH-SCIM-TOKEN": access.scim_token,
        "REPLACE-WITH-ADMIN-TOKEN": access.scim_admin_token,
        "REPLACE-WITH-OKTAS-OWN-SCIM-TOKEN": access.okta_scim_token,
    }


def _with_departments(text: str, departments: Iterable[str]) -> str:
    """The mapping table made anew: one row for each department of the people who were given."""
    rows = [
        {"values": [name], "providerGroup": name} for name in sorted({name for name in departments if name})
    ]
    lines = yaml.safe_dump(rows, default_flow_style=None, allow_unicode=True, width=1000).splitlines()
    table = "  mappings:\n" + "".join(f"    {line}\n" for line in lines)
    return re.sub(r"^  mappings:\n(?:    .*\n?)+", lambda _: table, text, flags=re.MULTILINE)


def _write_private(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
