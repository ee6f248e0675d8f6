"""What a sandbox leaves in its folder."""

from __future__ import annotations

import stat
import subprocess
from pathlib import Path

import pytest
import yaml

from controller.errors import SpecError
from controller.kube.manifests import read_manifests
from scim_sandbox.folder import Access, project_file, write_env, write_examples, write_kubeconfig
from scim_sandbox.people import DEPARTMENTS

ACCESS = Access(
    kubeconfig="/somewhere/with a space/kubeconfig",
    okta_url="http://127.0.0.1:1001",
    okta_api_token="okta-token",
    scim_base_url="http://127.0.0.1:1002/scim/v2/acme",
    scim_token="scim-token",
    scim_admin_url="http://127.0.0.1:1002/admin/v1/acme",
    scim_admin_token="admin-token",
    metrics_url="http://127.0.0.1:1003/metrics",
    okta_scim_token="token-for-okta",
)


def test_the_env_file_is_whole_private_and_sourced_by_a_shell(tmp_path: Path) -> None:
    env = write_env(tmp_path, ACCESS)
    assert stat.S_IMODE(env.stat().st_mode) == 0o600
    script = f'. {env}; printf "%s|%s" "$KUBECONFIG" "$SCIM_ADMIN_TOKEN"'
    shown = subprocess.run(["/bin/sh", "-c", script], capture_output=True, text=True, check=True).stdout
    assert shown == "/somewhere/with a space/kubeconfig|admin-token"
    assert [file.name for file in tmp_path.iterdir()] == ["env"]


def test_the_kubeconfig_is_private_and_replaced(tmp_path: Path) -> None:
    write_kubeconfig(tmp_path, "old")
    file = write_kubeconfig(tmp_path, "new")
    assert (file.read_text(), stat.S_IMODE(file.stat().st_mode)) == ("new", 0o600)


def test_examples_get_the_sandboxes_urls_tokens_and_audiences(tmp_path: Path) -> None:
    folder = write_examples(tmp_path, ACCESS, 50, DEPARTMENTS)
    text = "\n".join(file.read_text() for file in folder.rglob("*.yaml"))
    assert "acme.okta.com" not in text
    assert "scim.example.com" not in text
    assert "REPLACE-WITH" not in (folder / "by-okta" / "scim-integration.yaml").read_text()
    quickstart = {(m.kind, m.name): m.body for m in read_manifests([folder / "quickstart"])}
    secret = quickstart["Secret", "calendly-scim"]
    assert secret["metadata"]["annotations"] == {"scim-operator.dev/allowed-hosts": "127.0.0.1:1002"}
    assert secret["stringData"] == {"token": "scim-token"}
    assert quickstart["OktaOrg", "acme"]["spec"]["url"] == ACCESS.okta_url
    assert (
        quickstart["ScimIntegration", "calendly"]["spec"]["provider"]["admin"]["baseUrl"]
        == ACCESS.scim_admin_url
    )


def test_examples_keep_their_comments(tmp_path: Path) -> None:
    folder = write_examples(tmp_path, ACCESS, 50, DEPARTMENTS)
    assert "# The seats that were bought." in (folder / "quickstart" / "05-seat-limit.yaml").read_text()


def test_seats_and_departments_follow_the_people_who_were_given(tmp_path: Path) -> None:
    names = ["Käse: Süd", "R&D", "", "#1"]
    folder = write_examples(tmp_path, ACCESS, 7, names)
    limit, mapping = (
        yaml.safe_load((folder / "quickstart" / name).read_text())["spec"]
        for name in ("05-seat-limit.yaml", "04-group-mapping.yaml")
    )
    assert limit["seats"] == 7
    assert mapping["integrationRef"] == {"name": "calendly"}
    assert mapping["mappings"] == [
        {"values": [name], "providerGroup": name} for name in sorted(name for name in names if name)
    ]


def test_a_file_that_is_not_shipped_is_a_mistake_that_names_it() -> None:
    with pytest.raises(SpecError, match="nope/x: is not in this installation"):
        project_file("nope", "x")
