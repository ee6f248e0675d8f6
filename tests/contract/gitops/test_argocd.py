"""The Lua that Argo CD runs, run by a real Lua."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from controller.api import KINDS
from tests.conftest import missing

ARGOCD = Path(__file__).parents[3] / "gitops" / "argocd"
# Argo CD gives Lua no library but these, and of `os` the clock alone.
CONFINED = """
local os = {time = os.time, date = os.date}
local safe = {ipairs = ipairs, pairs = pairs, next = next, type = type, tostring = tostring, obj = obj,
  tonumber = tonumber, string = string, table = table, math = math, error = error, pcall = pcall}
safe.require = function(name) return ({os = os, string = string, table = table})[name] end
return load(script, "script", "t", safe)()
"""


def run(script: str, obj: dict[str, Any]) -> dict[str, Any]:
    """What the file `script` returns for `obj`, as a dict."""
    return run_text((ARGOCD / script).read_text(), obj)


def run_text(text: str, obj: dict[str, Any]) -> dict[str, Any]:
    """What a script returns for `obj`, with what Argo CD gives a script to work with."""
    try:
        from lupa.lua54 import LuaRuntime
    except ImportError:
        missing("lupa (requirements/components.txt)")
    lua = LuaRuntime(unpack_returned_tuples=True)
    lua.globals().obj = lua.table_from(obj, recursive=True)
    lua.globals().script = text
    return plain(lua.execute(CONFINED))


def plain(value: Any) -> Any:
    return {key: plain(inner) for key, inner in value.items()} if hasattr(value, "items") else value


def integration(*conditions: tuple[str, str, str], generation: int = 2, **spec: Any) -> dict[str, Any]:
    return {
        "kind": "ScimIntegration",
        "metadata": {"name": "calendly", "generation": generation},
        "spec": spec,
        "status": {
            "observedGeneration": 2,
            "conditions": [
                {"type": type_, "status": status, "reason": reason, "message": f"{type_} {reason}"}
                for type_, status, reason in conditions
            ],
            "plan": {"digest": "abc", "state": "AwaitingApproval"},
        },
    }


READY = ("Ready", "True", "Succeeded")
HEALTH = {
    "ready": (integration(READY), "Healthy"),
    "suspended by spec": (integration(READY, suspend=True), "Suspended"),
    "suspended with its integration": (integration(("Ready", "Unknown", "Suspended")), "Suspended"),
    "a newer generation": (integration(READY, generation=3), "Progressing"),
    "stalled": (
        integration(("Ready", "False", "InvalidSpec"), ("Stalled", "True", "InvalidSpec")),
        "Degraded",
    ),
    "waits for approval": (integration(READY, ("InSync", "False", "AwaitingApproval")), "Suspended"),
    "waits for a person": (
        integration(("Ready", "False", "ManualStepRequired"), ("Reconciling", "True", "WaitingForPerson")),
        "Suspended",
    ),
    "backs off": (integration(("Ready", "False", "X"), ("Reconciling", "True", "Retrying")), "Progressing"),
    "failed": (integration(("Ready", "False", "Unavailable")), "Degraded"),
    "never seen": (
        {"kind": "SeatLimit", "metadata": {"generation": 1}, "status": {"observedGeneration": -1}},
        "Progressing",
    ),
    "nothing known": ({"kind": "SeatLimit", "metadata": {"generation": 1}}, "Progressing"),
}


@pytest.mark.parametrize(("obj", "expected"), HEALTH.values(), ids=HEALTH.keys())
def test_health(obj: dict[str, Any], expected: str) -> None:
    assert run("health.lua", obj)["status"] == expected


def test_actions_are_offered_where_they_make_sense() -> None:
    offered = run("actions/discovery.lua", integration(READY))
    assert {name: action["disabled"] for name, action in offered.items()} == {
        "refresh": False,
        "suspend": False,
        "resume": True,
        "approve": False,
    }


def test_suspend_and_resume() -> None:
    assert run("actions/suspend.lua", integration(READY))["spec"] == {"suspend": True}
    assert run("actions/resume.lua", integration(READY, suspend=True))["spec"] == {}


def test_approve_names_the_digest_that_waits() -> None:
    annotations = run("actions/approve.lua", integration(READY))["metadata"]["annotations"]
    assert annotations["scim-operator.dev/approve"] == "abc"
    assert annotations["scim-operator.dev/approved-by"].startswith("system:serviceaccount:")


def test_refresh_asks_for_a_run() -> None:
    annotations = run("actions/refresh.lua", integration(READY))["metadata"]["annotations"]
    assert annotations["scim-operator.dev/requested-at"].endswith("Z")


def test_a_plan_that_was_approved_before_is_approved_by_another_value() -> None:
    again = integration(READY)
    again["status"]["lastHandledApproval"] = "abc"
    value = run("actions/approve.lua", again)["metadata"]["annotations"]["scim-operator.dev/approve"]
    digest, token = value.split("#")
    assert digest == "abc" and token.isdigit()


def test_a_plan_that_was_carried_out_is_not_offered_for_approval() -> None:
    done = integration(READY)
    done["status"]["plan"]["state"] = "Applied"
    assert run("actions/discovery.lua", done)["approve"] == {"disabled": True}


def test_what_argo_cd_is_given_holds_the_scripts_for_every_kind() -> None:
    data = yaml.safe_load((ARGOCD / "argocd-cm.yaml").read_text())["data"]
    for kind in KINDS:
        health = data[f"resource.customizations.health.scim-operator.dev_{kind}"]
        assert run_text(health, integration(READY))["status"] == "Healthy"
        actions = yaml.safe_load(data[f"resource.customizations.actions.scim-operator.dev_{kind}"])
        offered = run_text(actions["discovery.lua"], {**integration(READY), "kind": kind})
        assert set(offered) == {one["name"] for one in actions["definitions"]}
        for action in actions["definitions"]:
            assert run_text(action["action.lua"], integration(READY))["kind"] == "ScimIntegration"
