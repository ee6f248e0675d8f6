"""The scenario whose answers were recorded from kube-apiserver 1.36: a chapter per area, 116 steps in all.

Called by the contract test. Step names and requests are those of `recorded-1.36.jsonl`; each chapter
builds on what the ones before it left behind.
"""

from __future__ import annotations

import copy
from typing import Any

from tests.contract.kubernetes.player import APPLY, JSON_PATCH, MERGE, STRATEGIC, TABLE, Player
from tests.contract.kubernetes.widgets import CRD, GROUP, widget

DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
DEFINITION = f"{DEFINITIONS}/widgets.{GROUP}"
VERSION = f"/apis/{GROUP}/v1"
WIDGETS = f"{VERSION}/namespaces/contract/widgets"
ONE, SSA = f"{WIDGETS}/one", f"{WIDGETS}/ssa"
CORE = "/api/v1/namespaces/contract"
LEASES = "/apis/coordination.k8s.io/v1/namespaces/contract/leases"
KEEP = "contract.example.dev/keep"


def changed(obj: dict[str, Any], section: str, **values: Any) -> dict[str, Any]:
    """A copy of `obj` with these values in one of its sections; None takes a value away."""
    result = copy.deepcopy(obj)
    for name, value in values.items():
        if value is None:
            result[section].pop(name)
        else:
            result[section][name] = value
    return result


def _names(answer: dict[str, Any]) -> dict[str, Any]:
    names = [item["metadata"]["name"] for item in answer.get("items", [])]
    return {
        "kind": answer.get("kind"),
        "names": [name for name in names if not name.startswith("gen-")],
        "remaining": answer.get("metadata", {}).get("remainingItemCount"),
        "more": bool(answer.get("metadata", {}).get("continue")),
    }


async def play(player: Player) -> None:
    """All chapters in order."""
    for chapter in (
        discovery,
        definition,
        served_definition,
        creation,
        refused_creations,
        other_creations,
        reading,
        paging,
        tables,
        updates,
        status,
        refused_updates,
        patches,
        replacement,
        server_side_apply,
        watches,
        selective_watches,
        finalizers,
        deletion,
        secrets,
        leases,
        events,
        clean_up,
    ):
        await chapter(player)


async def discovery(p: Player) -> None:
    await p.step("version", "GET", "/version", pick=lambda a: {"major": a["major"], "keys": sorted(a)})
    for probe in ("healthz", "livez", "readyz"):
        await p.step(probe, "GET", f"/{probe}")
    wrong = {"authorization": "Bearer wrong"}
    await p.step("bad-token", "GET", "/api/v1/namespaces", headers=wrong)
    await p.step("api", "GET", "/api", pick=lambda a: {"kind": a["kind"], "versions": a["versions"]})
    await p.step("api-v1", "GET", "/api/v1", pick=_core_resources)
    await p.step("unknown-path", "GET", "/apis/nothing.example.dev/v1")
    await p.step("openapi-v3-index", "GET", "/openapi/v3", pick=lambda a: {"hasPaths": "paths" in a})


def _core_resources(answer: dict[str, Any]) -> dict[str, Any]:
    fields = ("kind", "namespaced", "singularName", "shortNames")
    wanted = ("namespaces", "secrets", "configmaps", "events")
    core = {
        entry["name"]: {field: entry.get(field) for field in fields}
        for entry in answer["resources"]
        if entry["name"] in wanted
    }
    return {"kind": answer["kind"], "groupVersion": answer["groupVersion"], "core": core}


async def definition(p: Player) -> None:
    def picked(answer: dict[str, Any]) -> dict[str, Any]:
        metadata = answer["metadata"]
        return {"kind": answer["kind"], "name": metadata["name"], "gen": metadata["generation"]}

    await p.step("crd-create", "POST", DEFINITIONS, CRD, pick=picked)
    crd = (await p.client.get(DEFINITION)).json()
    conditions = {one["type"]: one["status"] for one in crd["status"]["conditions"]}
    p.note("crd-conditions", {name: conditions.get(name) for name in ("NamesAccepted", "Established")})
    p.note("crd-accepted-names", crd["status"]["acceptedNames"])
    await p.step("crd-duplicate", "POST", DEFINITIONS, CRD)
    await p.step("crd-bad-name", "POST", DEFINITIONS, changed(CRD, "metadata", name="wrongname"))


async def served_definition(p: Player) -> None:
    await p.step("group", "GET", f"/apis/{GROUP}")
    await p.step("group-version", "GET", VERSION, pick=_group_version)
    await p.step("ns-missing-create", "POST", WIDGETS, widget("early", {"size": 1}))
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "contract"}}
    await p.step("ns-create", "POST", "/api/v1/namespaces", namespace)


def _group_version(answer: dict[str, Any]) -> dict[str, Any]:
    fields = ("name", "kind", "namespaced", "singularName", "shortNames", "categories")
    resources = [
        {**{field: entry.get(field) for field in fields}, "verbs": sorted(entry["verbs"])}
        for entry in sorted(answer["resources"], key=lambda entry: str(entry["name"]))
    ]
    return {"kind": answer["kind"], "groupVersion": answer["groupVersion"], "resources": resources}


async def creation(p: Player) -> None:
    one = widget("one", {"size": 3, "parts": [{"name": "a"}]}, labels={"app": "x"})
    await p.step("create", "POST", WIDGETS, one)
    await p.step("create-duplicate", "POST", WIDGETS, widget("one", {"size": 3}))
    await p.step("create-empty-list", "GET", f"{VERSION}/namespaces/default/widgets")


_REFUSED: dict[str, dict[str, Any]] = {
    "missing-required": {},
    "bad-enum": {"size": 1, "color": "Green"},
    "bad-type": {"size": "big"},
    "too-big": {"size": 11},
    "bad-pattern": {"size": 1, "code": "ABC"},
    "cel": {"size": 9},
    "null-not-allowed": {"size": None},
    "too-many": {"size": 1, "parts": [{"name": name} for name in "abcd"]},
    "duplicate-key": {"size": 1, "parts": [{"name": "a"}, {"name": "a"}]},
}


async def refused_creations(p: Player) -> None:
    def picked(answer: dict[str, Any]) -> dict[str, Any]:
        causes = (answer.get("details") or {}).get("causes", [])
        return {
            **{name: answer.get(name) for name in ("reason", "code", "message")},
            "causes": sorted([cause.get("reason"), cause.get("field")] for cause in causes),
        }

    for name, spec in _REFUSED.items():
        await p.step(f"invalid-{name}", "POST", WIDGETS, widget("bad", spec), pick=picked)


async def other_creations(p: Player) -> None:
    spec: dict[str, Any] = {"size": 1}
    nullable = widget("nullable", {**spec, "nick": None, "color": None})
    await p.step("null-nullable", "POST", WIDGETS, nullable)
    mixed = widget("ios", {**spec, "port": "http", "anything": {"x": [1, {"y": None}]}})
    await p.step("int-or-string", "POST", WIDGETS, mixed)
    await p.step("unknown-pruned", "POST", WIDGETS, widget("pruned", {**spec, "zzz": 1}))
    strict = {"fieldValidation": "Strict"}
    await p.step("unknown-strict", "POST", WIDGETS, widget("strict", {**spec, "zzz": 1}), params=strict)
    await p.step("not-json", "POST", WIDGETS, "{not json")
    await p.step("wrong-kind", "POST", WIDGETS, {**widget("k", spec), "kind": "Gadget"})
    await p.step("wrong-namespace", "POST", WIDGETS, widget("k", spec, namespace="default"))
    await p.step("bad-metadata-name", "POST", WIDGETS, widget("Not_Valid", spec))
    nameless = changed(widget("x", spec), "metadata", name=None, generateName="gen-")
    await p.step("generate-name", "POST", WIDGETS, nameless)
    await p.step("dry-run", "POST", WIDGETS, widget("dry", spec), params={"dryRun": "All"})
    await p.step("dry-run-left-nothing", "GET", f"{WIDGETS}/dry")


async def reading(p: Player) -> None:
    await p.step("get", "GET", ONE)
    await p.step("get-missing", "GET", f"{WIDGETS}/nope")
    await p.step("list", "GET", WIDGETS, pick=_names)
    await p.step("list-all-namespaces", "GET", f"{VERSION}/widgets", pick=_names)
    for name, selector in {
        "list-label": {"labelSelector": "app=x"},
        "list-label-set": {"labelSelector": "app in (x,y),!gone"},
        "list-field": {"fieldSelector": "metadata.name=one"},
    }.items():
        await p.step(name, "GET", WIDGETS, params=selector, pick=_names)
    await p.step("list-label-bad", "GET", WIDGETS, params={"labelSelector": "app in ("})
    await p.step("list-field-bad", "GET", WIDGETS, params={"fieldSelector": "spec.size=3"})


async def paging(p: Player) -> None:
    first = await p.step("list-page-1", "GET", WIDGETS, params={"limit": "2"}, pick=_names)
    more = {"limit": "2", "continue": first["metadata"]["continue"]}
    await p.step("list-page-2", "GET", WIDGETS, params=more, pick=_names)
    await p.step("list-continue-bad", "GET", WIDGETS, params={"limit": "2", "continue": "garbage"})


async def tables(p: Player) -> None:
    def whole(answer: dict[str, Any]) -> dict[str, Any]:
        return {
            "kind": answer["kind"],
            "apiVersion": answer["apiVersion"],
            "columns": [[one["name"], one["type"], one["priority"]] for one in answer["columnDefinitions"]],
            "cells": [row["cells"][:-1] for row in answer["rows"]],
            "rowObject": [row["object"]["kind"] for row in answer["rows"]],
        }

    def headers(answer: dict[str, Any]) -> dict[str, Any]:
        return {"kind": answer["kind"], "columns": [one["name"] for one in answer["columnDefinitions"]]}

    named = {"fieldSelector": "metadata.name=one"}
    await p.step("table", "GET", WIDGETS, headers=TABLE, params=named, pick=whole)
    await p.step("table-one", "GET", ONE, headers=TABLE, pick=headers)


async def updates(p: Player) -> None:
    async def merge(name: str, patch: dict[str, Any], **options: Any) -> Any:
        return await p.step(name, "PATCH", ONE, patch, headers=MERGE, **options)

    await merge("patch-spec", {"spec": {"size": 4}})
    before = (await p.client.get(ONE)).json()
    after = await merge("patch-noop", {"spec": {"size": 4}})
    versions = {obj["metadata"]["resourceVersion"] for obj in (before, after)}
    p.note("patch-noop-keeps-version", len(versions) == 1)
    metadata = {"labels": {"b": "2"}, "annotations": {"n": "v"}}
    await merge("patch-label-keeps-generation", {"metadata": metadata})
    await merge("patch-null-removes", {"metadata": {"labels": {"b": None}}})

    def picked(answer: dict[str, Any]) -> dict[str, Any]:
        generation = answer["metadata"]["generation"]
        return {"status": answer.get("status"), "metadata": {"generation": generation}}

    await merge("patch-status-on-main-ignored", {"status": {"note": "hi"}}, pick=picked)


async def status(p: Player) -> None:
    ready = {"note": "hi", "conditions": [{"type": "Ready", "status": "True"}]}
    patch = {"status": ready, "spec": {"size": 9}}
    await p.step("patch-status", "PATCH", f"{ONE}/status", patch, headers=MERGE)
    await p.step("get-status", "GET", f"{ONE}/status")
    await p.step("patch-status-invalid", "PATCH", f"{ONE}/status", {"status": {"note": 5}}, headers=MERGE)
    missing = f"{WIDGETS}/nope/status"
    await p.step("patch-status-missing", "PATCH", missing, {"status": {"note": "x"}}, headers=MERGE)

    def cells(answer: dict[str, Any]) -> dict[str, Any]:
        return {"cells": [row["cells"][:-1] for row in answer["rows"]]}

    named = {"fieldSelector": "metadata.name=one"}
    await p.step("table-ready", "GET", WIDGETS, headers=TABLE, params=named, pick=cells)


async def refused_updates(p: Player) -> None:
    stale = p.last["patch-spec"]["metadata"]["resourceVersion"]
    for name, patch in {
        "patch-invalid": {"spec": {"size": 99}},
        "patch-stale": {"metadata": {"resourceVersion": stale}, "spec": {"size": 5}},
        "patch-add-code": {"spec": {"code": "ab"}},
        "patch-transition-rule": {"spec": {"code": None}},
    }.items():
        await p.step(name, "PATCH", ONE, patch, headers=MERGE)


async def patches(p: Player) -> None:
    def operations(seen: int, wanted: int) -> list[dict[str, Any]]:
        return [
            {"op": "test", "path": "/spec/size", "value": seen},
            {"op": "replace", "path": "/spec/size", "value": wanted},
        ]

    await p.step("json-patch", "PATCH", ONE, operations(4, 5), headers=JSON_PATCH)
    await p.step("json-patch-test-fails", "PATCH", ONE, operations(1, 6), headers=JSON_PATCH)
    await p.step("strategic-patch-refused", "PATCH", ONE, {"spec": {"size": 5}}, headers=STRATEGIC)
    await p.step("patch-missing", "PATCH", f"{WIDGETS}/nope", {"spec": {"size": 5}}, headers=MERGE)


async def replacement(p: Player) -> None:
    now = (await p.client.get(ONE)).json()
    blue = changed(now, "spec", color="Blue")
    await p.step("put", "PUT", ONE, blue)
    await p.step("put-stale", "PUT", ONE, blue)
    await p.step("put-no-version", "PUT", ONE, changed(now, "metadata", resourceVersion=None))
    await p.step("put-name-mismatch", "PUT", ONE, changed(blue, "metadata", name="two"))


async def server_side_apply(p: Player) -> None:
    async def apply(name: str, spec: dict[str, Any], manager: str = "", *, force: bool = False) -> None:
        params = {"fieldManager": manager} if manager else {}
        if force:
            params["force"] = "true"
        await p.step(name, "PATCH", SSA, widget("ssa", spec), headers=APPLY, params=params)

    both, size = {"size": 2, "color": "Blue"}, {"size": 3}
    await apply("apply-create", both, "git")
    await apply("apply-same", both, "git")
    await apply("apply-conflict", size, "else")
    await apply("apply-force", size, "else", force=True)
    await apply("apply-drops-owned-field", size, "git", force=True)
    await apply("apply-without-manager", both)


async def watches(p: Player) -> None:
    start = (await p.client.get(WIDGETS)).json()["metadata"]["resourceVersion"]
    w1 = f"{WIDGETS}/w1"
    life = [
        p.client.post(WIDGETS, json=widget("w1", {"size": 1})),
        p.client.patch(w1, json={"spec": {"size": 2}}, headers=MERGE),
        p.client.patch(f"{w1}/status", json={"status": {"note": "s"}}, headers=MERGE),
        p.client.delete(w1),
    ]
    await p.watch("watch-from-version", WIDGETS, {"resourceVersion": start}, life, 4)
    await p.watch("watch-replays-history", WIDGETS, {"resourceVersion": start}, (), 4)
    named = {"resourceVersion": start, "fieldSelector": "metadata.name=one"}
    label = p.client.patch(ONE, json={"metadata": {"labels": {"w": "1"}}}, headers=MERGE)
    await p.watch("watch-field-selector", WIDGETS, named, [label], 1)


async def selective_watches(p: Player) -> None:
    now = (await p.client.get(WIDGETS)).json()["metadata"]["resourceVersion"]
    relabel = [
        p.client.patch(ONE, json={"metadata": {"labels": {"sel": value}}}, headers=MERGE)
        for value in ("in", None)
    ]
    selected = {"resourceVersion": now, "labelSelector": "sel=in"}
    await p.watch("watch-label-enters-and-leaves", WIDGETS, selected, relabel, 2)
    named = {"fieldSelector": "metadata.name=one"}
    await p.watch("watch-version-zero-lists-first", WIDGETS, named, (), 1)
    bad = {"watch": "1", "resourceVersion": "notanumber"}
    await p.step("watch-bad-version", "GET", WIDGETS, params=bad)


async def finalizers(p: Player) -> None:
    async def finalize(name: str, names: list[str] | None) -> None:
        await p.step(name, "PATCH", ONE, {"metadata": {"finalizers": names}}, headers=MERGE)

    await finalize("finalizer-set", [KEEP])
    await p.step("delete-with-finalizer", "DELETE", ONE)
    await p.step("still-there", "GET", ONE)
    await finalize("finalizer-add-while-deleting", [KEEP, "contract.example.dev/more"])
    await finalize("finalizer-clear", None)
    await p.step("gone", "GET", ONE)


async def deletion(p: Player) -> None:
    await p.step("delete", "DELETE", SSA)
    await p.step("delete-missing", "DELETE", SSA)
    options = {"kind": "DeleteOptions", "apiVersion": "v1", "preconditions": {"uid": "other"}}
    await p.step("delete-precondition", "DELETE", f"{WIDGETS}/ios", options)
    named = {"fieldSelector": "metadata.name=ios"}
    await p.step("delete-collection", "DELETE", WIDGETS, params=named, pick=lambda a: {"kind": a["kind"]})
    await p.step("delete-collection-left", "GET", WIDGETS, pick=_names)


async def secrets(p: Player) -> None:
    def secret(name: str, **content: Any) -> dict[str, Any]:
        return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, **content}

    def picked(answer: dict[str, Any]) -> dict[str, Any]:
        return {name: answer.get(name) for name in ("kind", "type", "data", "stringData")}

    created = secret("s", stringData={"token": "abc"})
    await p.step("secret-create", "POST", f"{CORE}/secrets", created, pick=picked)
    await p.step("secret-bad-base64", "POST", f"{CORE}/secrets", secret("b", data={"token": "***"}))
    more = {"stringData": {"more": "def"}}
    path = f"{CORE}/secrets/s"
    await p.step("secret-patch", "PATCH", path, more, headers=MERGE, pick=lambda a: {"data": a["data"]})
    await p.step("secret-strategic", "PATCH", path, {"metadata": {"labels": {"l": "1"}}}, headers=STRATEGIC)
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"k": "v"}}
    await p.step("configmap-create", "POST", f"{CORE}/configmaps", config)


async def leases(p: Player) -> None:
    spec = {"holderIdentity": "a", "leaseDurationSeconds": 15}
    lease = {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": "l"},
        "spec": spec,
    }
    created = await p.step("lease-create", "POST", LEASES, lease)
    await p.step("lease-update", "PUT", f"{LEASES}/l", changed(created, "spec", holderIdentity="b"))
    await p.step("lease-stale", "PUT", f"{LEASES}/l", created)


async def events(p: Player) -> None:
    about = {"apiVersion": f"{GROUP}/v1", "kind": "Widget", "name": "nullable", "namespace": "contract"}
    seen = "2026-01-01T00:00:00Z"
    event = {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"generateName": "gen-"},
        "involvedObject": about,
        "reason": "Tested",
        "message": "hello",
        "type": "Normal",
        "source": {"component": "contract"},
        "firstTimestamp": seen,
        "lastTimestamp": seen,
        "count": 1,
    }

    def picked(answer: dict[str, Any]) -> dict[str, Any]:
        return {name: answer.get(name) for name in ("kind", "reason", "message", "type")}

    def reasons(answer: dict[str, Any]) -> dict[str, Any]:
        return {"reasons": [item["reason"] for item in answer["items"]]}

    def notes(answer: dict[str, Any]) -> dict[str, Any]:
        return {"notes": [item.get("note") for item in answer["items"]]}

    path = f"{CORE}/events"
    await p.step("event-create", "POST", path, event, pick=picked)
    for name, selector in {
        "event-by-object": "involvedObject.name=nullable,involvedObject.kind=Widget",
        "event-by-other-object": "involvedObject.name=else",
    }.items():
        await p.step(name, "GET", path, params={"fieldSelector": selector}, pick=reasons)
    await p.step("events-k8s-io", "GET", "/apis/events.k8s.io/v1/namespaces/contract/events", pick=notes)


async def clean_up(p: Player) -> None:
    label = {"metadata": {"labels": {"team": "x"}}}
    await p.step("namespace-strategic", "PATCH", CORE, label, headers=STRATEGIC)
    await p.step("crd-delete", "DELETE", DEFINITION, pick=lambda a: {"kind": a["kind"]})
    await p.step("crd-gone", "GET", WIDGETS, pick=lambda a: {"type": type(a).__name__})
