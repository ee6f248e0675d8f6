"""scimctl against a running world: what a person types, what it prints, how it ends."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import os
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import jsonschema
import pytest
import pytest_asyncio

from controller.cli.main import main
from controller.planning.output.plan_json import SCHEMA
from tests.cluster.control_plane import ADMIN
from tests.flow.conftest import Flow, says

pytestmark = pytest.mark.asyncio(loop_scope="module")


@dataclass(frozen=True)
class Ran:
    """How a command ended."""

    code: int
    out: str
    err: str


class Terminal:
    """Runs scimctl's entry point in a thread, with a terminal and an environment of its own."""

    def __init__(self, flow: Flow) -> None:
        self.flow = flow
        self.environment = {**flow.world.access.exports(), "COLUMNS": "100"}
        self.quickstart = flow.world.examples / "quickstart"

    async def run(self, *arguments: str, **environment: str) -> Ran:
        """How `scimctl ARGUMENTS` ended."""
        return await asyncio.to_thread(self._run, arguments, {**self.environment, **environment})

    def _run(self, arguments: tuple[str, ...], environment: dict[str, str]) -> Ran:
        out, err = io.StringIO(), io.StringIO()
        with (
            mock.patch.dict(os.environ, environment),
            mock.patch.object(sys, "argv", ["scimctl", *arguments]),
            mock.patch.object(sys, "stdin", io.StringIO()),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
            pytest.raises(SystemExit) as ended,
        ):
            main()
        return Ran(int(ended.value.code or 0), out.getvalue(), err.getvalue())


@pytest_asyncio.fixture(loop_scope="module")
async def terminal(flow: Flow) -> AsyncIterator[Terminal]:
    await flow.apply_quickstart()
    await flow.until("ScimIntegration", "calendly", says("InSync", "True", "InSync"))
    await flow.until("SeatLimit", "calendly", says("Ready", "True", "Succeeded"))
    await flow.until("GroupMapping", "departments", says("Ready", "True", "Succeeded"))
    await flow.until("OktaOrg", "acme", says("Ready", "True", "Succeeded"))
    yield Terminal(flow)


async def test_status_shows_every_kind_and_ends_well_when_all_is_well(terminal: Terminal) -> None:
    ran = await terminal.run("status")
    assert (ran.code, ran.err) == (0, "")
    assert all(heading in ran.out for heading in ("BUDGET", "INSYNC", "UNMATCHED", "STATE", "Nothing to do."))


async def test_plan_of_what_is_in_sync_has_nothing_to_do_and_writes_nothing(terminal: Terminal) -> None:
    await terminal.flow.begin()
    ran = await terminal.run("plan", "--exit-code")
    assert (ran.code, ran.err) == (0, "")
    assert "nothing to do" in ran.out
    assert await terminal.flow.okta_writes() == []


async def test_plan_of_a_changed_file_tells_the_change_and_follows_its_schema(
    terminal: Terminal, tmp_path: Path
) -> None:
    text = (terminal.quickstart / "04-group-mapping.yaml").read_text()
    changed = tmp_path / "mapping.yaml"
    changed.write_text(text.replace("providerGroup: Finance", "providerGroup: Money"))
    ran = await terminal.run("plan", "-f", str(changed), "--exit-code")
    assert ran.code == 3, ran.err
    assert "row Finance: Finance -> Money" in ran.out
    document = json.loads((await terminal.run("plan", "-f", str(changed), "-o", "json")).out)
    jsonschema.validate(document, SCHEMA)
    assert [a["action"] for a in document["integrations"][0]["plan"]["actions"]] == ["SaveGroupTable"]
    markdown = await terminal.run("plan", "-f", str(changed), "-o", "markdown")
    assert "| SaveGroupTable |" in markdown.out


async def test_plan_offline_takes_everything_from_files(terminal: Terminal) -> None:
    ran = await terminal.run("plan", "--offline", "-f", str(terminal.quickstart), KUBECONFIG="/nowhere")
    assert (ran.code, ran.err) == (0, "")
    assert "ScimIntegration default/calendly" in ran.out


async def test_plan_uses_an_org_of_another_namespace_that_lets_this_one_in(
    terminal: Terminal, tmp_path: Path
) -> None:
    flow = terminal.flow
    central = {"namespace": "central"}
    secret = next(body for (_, name), body in flow.quickstart.items() if name == "okta-api")
    org = flow.example("OktaOrg", metadata=central, spec={"allowedNamespaces": {"from": "All"}})
    await flow.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "central"}})
    await flow.apply({**secret, "metadata": {**secret["metadata"], **central}}, org)
    reference = {"okta": {"orgRef": {"name": "acme", "namespace": "central"}}}
    changed = tmp_path / "integration.yaml"
    changed.write_text(json.dumps(flow.example("ScimIntegration", spec=reference)))
    ran = await terminal.run("plan", "-f", str(changed), "--exit-code")
    assert ran.code == 0, ran.out + ran.err
    assert "nothing to do" in ran.out


async def test_nobody_waits_and_nothing_differs(terminal: Terminal) -> None:
    waiting, drift = await terminal.run("waiting"), await terminal.run("drift")
    assert (waiting.code, waiting.out) == (0, "Nobody waits for a seat.\n")
    assert (await terminal.run("waiting", "--all")).out == "Nobody waits for a seat.\n"
    assert (drift.code, drift.out) == (0, "Nothing differs.\n")


async def test_everybody_who_waits_is_listed_in_the_order_of_admission(terminal: Terminal) -> None:
    flow = terminal.flow
    login = (await flow.provider.people())[0]["userName"]
    limit = {"seats": 1, "whenFull": "Waitlist"}
    await flow.patch("SeatLimit", "calendly", {"spec": limit})
    await flow.patch("ScimIntegration", "calendly", {"spec": {"mode": "Observe"}})
    await flow.provider.deactivate(login)
    await flow.reconcile()
    ran = await terminal.run("waiting", "calendly", "--all", "-o", "json")
    assert [(one["limit"], one["place"], one["login"]) for one in json.loads(ran.out)] == [
        ("calendly", "1", login)
    ]
    assert login in (await terminal.run("waiting", "--all")).out
    assert json.loads((await terminal.run("waiting", "other", "--all", "-o", "json")).out) == []


async def test_drift_that_is_only_reported_is_listed_and_exits_1(terminal: Terminal) -> None:
    flow = terminal.flow
    await flow.patch("ScimIntegration", "calendly", {"spec": {"drift": "Report"}})
    person = (await flow.provider.people())[0]["userName"]
    await flow.provider.edit(person, displayName="Somebody Else")
    await flow.reconcile()
    ran = await terminal.run("drift", "calendly")
    assert ran.code == 1
    assert "Somebody Else" in ran.out
    assert person in ran.out


async def test_a_plan_that_waits_is_approved_by_its_digest_and_carried_out(terminal: Terminal) -> None:
    flow = terminal.flow
    await flow.patch("ScimIntegration", "calendly", {"spec": {"mode": "Approve"}})
    person = (await flow.provider.people())[1]["userName"]
    await flow.okta.change(person, displayName="New Name")
    waiting = await flow.reconcile()
    digest: str = waiting["status"]["plan"]["digest"]
    shown = await terminal.run("plan", "calendly", "--waiting", "-o", "json")
    stored = json.loads(shown.out)["integrations"][0]["plan"]
    jsonschema.validate(json.loads(shown.out), SCHEMA)
    assert stored["digest"] == digest
    assert [action["after"] for action in stored["actions"]] == [{"displayName": "New Name"}]
    wrong = await terminal.run("approve", "calendly", "beef")
    assert wrong.code == 1
    assert digest in wrong.err
    asked = await terminal.run("approve", "calendly")
    assert (asked.code, asked.err) == (
        1,
        "scimctl: approve: give the digest, or --yes, where nobody can be asked\n",
    )
    ran = await terminal.run("approve", "calendly", digest)
    assert ran.code == 0, ran.err
    approved = await flow.until("ScimIntegration", "calendly", says("InSync", "True", "InSync"))
    annotations = approved["metadata"]["annotations"]
    user = ADMIN if flow.is_real else "sandbox:admin"
    assert annotations["scim-operator.dev/approved-by"] == user, "as the admission policy wants it"
    assert (await flow.provider.person(person))["displayName"] == "New Name"
    assert (await terminal.run("plan", "--waiting")).out.endswith("No plan waits for an approval.\n")
    nothing = await terminal.run("plan", "calendly", "--waiting")
    assert nothing.err == "scimctl: ScimIntegration calendly: no plan waits for an approval\n"


async def test_doctor_walks_through_it_all(terminal: Terminal) -> None:
    ran = await terminal.run("doctor")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.endswith("All is well.\n")
    assert "FAIL" not in ran.out


async def test_doctor_names_the_broken_link(terminal: Terminal) -> None:
    await terminal.flow.patch(
        "ScimIntegration", "calendly", {"spec": {"okta": {"app": {"label": "Calendy"}}}}
    )
    await terminal.flow.reconcile()
    ran = await terminal.run("doctor")
    assert ran.code == 1
    assert "FAIL  ScimIntegration calendly: spec.okta.app.label" in ran.out


async def test_what_import_prints_is_valid_and_plans_without_a_write(
    terminal: Terminal, tmp_path: Path
) -> None:
    ran = await terminal.run("import", "--app", "Calendly")
    assert (ran.code, ran.err) == (0, "")
    file = tmp_path / "imported.yaml"
    file.write_text(ran.out)
    checked = await terminal.run("validate", str(file))
    assert checked.code == 0, checked.out
    assert "mode: Observe" in ran.out
    assert terminal.flow.world.access.okta_api_token not in ran.out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("plan", "nope"), "there is no ScimIntegration nope"),
        (("plan", "-f", "/nowhere.yaml"), "/nowhere.yaml: cannot be read"),
        (("approve", "nope"), "there is no ScimIntegration nope"),
        (("approve", "calendly"), "no plan waits for an approval"),
        (("status", "--kubeconfig", "/nowhere"), "/nowhere is not a file that can be read"),
        (("import", "--app", "Nope"), "0 apps have the label 'Nope'"),
        (("import", "--app", "Calendly", "--okta-url", "http://acme.okta.com"), "--okta-url: is plain http"),
        (("sandbox", "--people", "0"), "--people: give a number"),
        (("demo", "--people", "/nowhere.csv"), "/nowhere.csv: no such file"),
        (("provider", "serve", "--env", "x"), "--env: goes with --org"),
    ],
)
async def test_a_mistake_ends_with_one_line_and_1(
    terminal: Terminal, arguments: tuple[str, ...], words: str
) -> None:
    ran = await terminal.run(*arguments)
    assert ran.code == 1
    assert words in ran.err
    assert ran.err.count("\n") == 1
    assert ran.err.startswith("scimctl: ")


async def test_a_resource_that_is_not_ready_makes_status_exit_1(terminal: Terminal) -> None:
    change: dict[str, Any] = {"spec": {"groups": {"sources": [{"source": "user.departement"}]}}}
    await terminal.flow.patch("ScimIntegration", "calendly", change)
    await terminal.flow.until("ScimIntegration", "calendly", says("Stalled", "True", "UnknownAttribute"))
    ran = await terminal.run("status")
    assert ran.code == 1
    assert "did you mean user.department?" in ran.out
