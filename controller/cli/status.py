"""`scimctl status`, `waiting`, `drift` and `approve`: what the operator says, gathered in one place.

Reads resources only; `approve` sets one annotation, which the operator answers.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import sys
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from controller.api import APPROVE, APPROVED_BY, GROUP, KINDS, VERSION
from controller.cli.options import Shape
from controller.cli.terminal import emit, tell, tell_columns, terminal_width
from controller.errors import NotFound, SpecError
from controller.kube.client import JSON, ApiServer, open_api_server
from controller.kube.paths import ApiPath, object_path
from controller.kube.tables import render_columns, render_table
from controller.model.words import many

API_VERSION = f"{GROUP}/{VERSION}"
REVIEWS = "authentication.k8s.io/v1"
GOOD = {"Ready": "True", "InSync": "True", "WithinCapacity": "True", "CredentialsValid": "True",
        "ReferencesResolved": "True", "PrerequisitesMet": "True", "Configured": "True"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class View:
    """A cluster and the part of it that is looked at; namespace "" is all of them."""

    api: ApiServer
    namespace: str

    def path(self, kind: str, name: str = "") -> ApiPath:
        return object_path(API_VERSION, KINDS[kind].plural, self.namespace or None, name or None)

    async def all(self, kind: str, name: str = "") -> list[JSON]:
        """The resources of `kind`, or the one of that name."""
        if not name:
            return await self.api.list_all(self.path(kind))
        try:
            return [await self.api.get(self.path(kind, name))]
        except NotFound:
            raise SpecError(f"there is no {kind} {name}", field=f"namespace {self.namespace}") from None


@asynccontextmanager
async def open_view(
    kubeconfig: str, context: str, namespace: str, everywhere: bool = False
) -> AsyncIterator[View]:
    """The cluster of the kubeconfig."""
    api = await open_api_server(kubeconfig, context)
    try:
        yield View(api, "" if everywhere else namespace or api.namespace)
    finally:
        await api.aclose()


async def show_status(view: View, shape: Shape) -> bool:
    """Prints the resources and what is wrong with them; whether each is Ready, unless it is suspended."""
    found = {kind: await view.all(kind) for kind in KINDS}
    if shape is Shape.JSON:
        emit(json.dumps([item for items in found.values() for item in items], indent=2, ensure_ascii=False))
    else:
        for kind in KINDS:
            if found[kind]:
                table = await view.api.get(view.path(kind), table=True)
                emit("\n".join(render_table(table, wide=shape is Shape.WIDE, width=terminal_width())))
                emit()
        _print_troubles(item for items in found.values() for item in items)
    resources = [item for items in found.values() for item in items]
    return all(_is_suspended(item) or _status_of(item, "Ready") == "True" for item in resources)


def _print_troubles(resources: Iterable[JSON]) -> None:
    """Conditions that are not as they should be, and open manual steps, each with what to do."""
    quiet = True
    for item in resources:
        title = f"{item.get('kind', '')} {item['metadata']['namespace']}/{item['metadata']['name']}"
        lines = [f"  {_suspended_line(item)}"] if _is_suspended(item) else _trouble_lines(item)
        if lines:
            quiet = False
            tell("\n".join([title, *lines]))
    if quiet:
        emit("Nothing to do.")


def _trouble_lines(item: JSON) -> list[str]:
    lines = _lines([condition for condition in _conditions(item) if _is_trouble(condition)])
    steps = (item.get("status") or {}).get("manualSteps") or []
    lines += [
        f"  to do: {step['title']} ({step.get('where', '')})\n    {step.get('instructions', '')}"
        for step in steps
    ]
    unconfirmed = [_unconfirmed_line(row) for row in _unconfirmed(item)]
    return lines + [f"  waits for a confirmation: {line}" for line in unconfirmed]


def _is_suspended(item: Mapping[str, Any]) -> bool:
    """Whether somebody has suspended the resource, or the integration that it refers to; what its status says
    beside that is of an earlier time."""
    return any(c["type"] == "Ready" and c["reason"] == "Suspended" for c in _conditions(item))


def _suspended_line(item: Mapping[str, Any]) -> str:
    return next(f"Suspended: {c['message']}" for c in _conditions(item) if c["type"] == "Ready")


def _unconfirmed(item: Mapping[str, Any]) -> list[JSON]:
    """Changes that the provider has accepted and somebody has to confirm."""
    return list(((item.get("status") or {}).get("unconfirmed") or {}).get("items") or [])


def _unconfirmed_line(row: Mapping[str, Any]) -> str:
    since = f", sent on {str(row['since'])[:10]}" if row.get("since") else ""
    return f"{row.get('what', '')} {row.get('path', '')}: {row.get('value', '')}{since}"


def _conditions(item: Mapping[str, Any]) -> list[JSON]:
    return list((item.get("status") or {}).get("conditions") or [])


def _status_of(item: Mapping[str, Any], kind: str) -> str:
    return next((str(c["status"]) for c in _conditions(item) if c["type"] == kind), "Unknown")


def _is_trouble(condition: Mapping[str, Any]) -> bool:
    good = GOOD.get(condition["type"], "False")
    return bool(condition["status"] != good and condition["status"] != "Unknown")


def _lines(conditions: Iterable[Mapping[str, Any]]) -> list[str]:
    """A line for each thing that is wrong, with all the conditions that say so."""
    told: dict[str, list[str]] = {}
    for condition in conditions:
        words = f"{condition['reason']}: {condition['message']}"
        told.setdefault(words, []).append(f"{condition['type']}={condition['status']}")
    return [f"  {', '.join(kinds)} {words}" for words, kinds in told.items()]


async def show_waiting(view: View, name: str, shape: Shape) -> None:
    """Who waits for a seat, in the order of admission, as the SeatLimits say: the first 20 of each."""
    limits = await view.all("SeatLimit", name)
    if shape is Shape.JSON:
        emit(
            json.dumps([{"name": i["metadata"]["name"], **(i.get("status") or {})} for i in limits], indent=2)
        )
        return
    rows = [
        (
            item["metadata"]["name"],
            str(number),
            str(person.get("login", "")),
            str(person.get("since", "")),
        )
        for item in limits
        for number, person in enumerate((item.get("status") or {}).get("waiting") or [], 1)
    ]
    if not rows:
        emit("Nobody waits for a seat.")
        return
    tell_columns(("LIMIT", "PLACE", "LOGIN", "SINCE"), rows)
    for item in limits:
        total = ((item.get("status") or {}).get("seats") or {}).get("waiting", 0)
        listed = sum(1 for row in rows if row[0] == item["metadata"]["name"])
        if total > listed:
            more = total - listed
            tell(f"{item['metadata']['name']}: and {more} more; scimctl waiting --all lists everybody")
        if remedy := (item.get("status") or {}).get("remediation"):
            tell(f"{item['metadata']['name']}: {remedy}")


async def show_drift(view: View, name: str, shape: Shape) -> bool:
    """What differs from what is declared, as the integrations say (20 of each); whether nothing does."""
    integrations = await view.all("ScimIntegration", name)
    drifts = {item["metadata"]["name"]: _drift_of(item) for item in integrations}
    if shape is Shape.JSON:
        emit(json.dumps(drifts, indent=2, ensure_ascii=False))
    else:
        rows = [
            (integration, *(str(row.get(key, "")) for key in ("kind", "where", "what", "expected", "actual")))
            for integration, drift in drifts.items()
            for row in drift.get("items") or []
        ]
        headings = ("INTEGRATION", "KIND", "WHERE", "WHAT", "EXPECTED", "ACTUAL")
        emit("\n".join(render_columns(headings, rows)) if rows else "Nothing differs.")
        for item in integrations:
            for row in _unconfirmed(item):
                tell(f"{item['metadata']['name']}: waits for a confirmation: {_unconfirmed_line(row)}")
    return not any(drift.get("total") for drift in drifts.values())


def _drift_of(item: Mapping[str, Any]) -> JSON:
    status = item.get("status") or {}
    waiting = {"unconfirmed": status["unconfirmed"]} if status.get("unconfirmed") else {}
    return {**(status.get("drift") or {}), **waiting}


async def approve(view: View, name: str, digest: str, yes: bool) -> None:
    """Sets the approval of the plan that waits; SpecError where none does or another one."""
    integration = (await view.all("ScimIntegration", name))[0]
    status = integration.get("status") or {}
    plan = status.get("plan") or {}
    waiting = str(plan.get("digest", "")) if plan.get("state") in ("AwaitingApproval", "Held") else ""
    if not waiting:
        raise SpecError("no plan waits for an approval", field=f"ScimIntegration {name}")
    if digest and not waiting.startswith(digest):
        raise SpecError(f"the plan that waits has the digest {waiting}", field=digest)
    _print_plan(name, plan)
    if not (yes or digest) and not await asyncio.to_thread(_asked, waiting):
        emit("Not approved.")
        return
    value = waiting
    if str(status.get("lastHandledApproval", "")).split("#")[0] == waiting:
        value = f"{waiting}#{secrets.token_hex(4)}"
    annotations = {APPROVE: value, APPROVED_BY: await _own_name(view.api)}
    await view.api.patch(view.path("ScimIntegration", name), {"metadata": {"annotations": annotations}})
    emit(f"Approved {waiting} of ScimIntegration {name}; the operator carries it out.")


async def _own_name(api: ApiServer) -> str | None:
    """What the API server calls us, which the admission policy wants beside an approval and the audit log
    repeats; None where it does not tell, as before Kubernetes 1.28: then no name is left there either."""
    try:
        answer = await api.create(
            object_path(REVIEWS, "selfsubjectreviews"), {"apiVersion": REVIEWS, "kind": "SelfSubjectReview"}
        )
    except NotFound:
        return None
    return str(answer["status"]["userInfo"].get("username", "")) or None


def _print_plan(name: str, plan: Mapping[str, Any]) -> None:
    actions = many(plan.get("total", 0), "action", "actions")
    tell(f"Plan of {name}: {actions}. {plan.get('message', '')}".rstrip())
    rows = [
        tuple(str(row.get(key, "")) for key in ("action", "what", "why")) for row in plan.get("actions") or []
    ]
    if rows:
        tell_columns(("ACTION", "WHAT", "WHY"), rows, indent="  ")
    more = int(plan.get("total", 0)) - len(rows)
    if more > 0:
        emit(f"  and {more} more; scimctl plan {name} --waiting lists all")


def _asked(digest: str) -> bool:
    if not sys.stdin.isatty():
        raise SpecError("give the digest, or --yes, where nobody can be asked", field="approve")
    return input(f"Approve {digest[:12]}? [y/N] ").strip().lower() in ("y", "yes")
