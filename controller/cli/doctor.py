"""`scimctl doctor`: what an installation needs, looked at in the order in which things depend on each other.

The first broken link of each chain is told with its fix; what hangs on it is not tried. Reads only.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

from controller.api import GROUP, KINDS, VERSION
from controller.cli.local_engine import Source, Where, open_source, plan_all
from controller.cli.terminal import emit
from controller.errors import ControllerError
from controller.kube.client import ApiServer, open_api_server
from controller.kube.discovery import missing_kinds
from controller.kube.paths import ApiPath
from controller.operator.store import INTEGRATION, LIMIT, MAPPING, ORG
from controller.reconcile.report import Report
from controller.settings import Settings


@dataclass(frozen=True, slots=True)
class Finding:
    """One look: what, whether it is well, and what was seen or what to do."""

    what: str
    is_well: bool
    told: str = ""

    def __str__(self) -> str:
        return f"{'ok  ' if self.is_well else 'FAIL'}  {self.what}" + (f": {self.told}" if self.told else "")


async def doctor(where: Where, settings: Settings) -> bool:
    """Whether all is well; prints each look as it is made."""
    well = True
    async for finding in examine(where, settings):
        emit(finding)
        well = well and finding.is_well
    emit("All is well." if well else "The first FAIL of a chain is the one to mend.")
    return well


async def examine(where: Where, settings: Settings) -> AsyncIterator[Finding]:
    """The looks, in order; ends at the first on which everything else depends."""
    api = await open_api_server(where.kubeconfig, where.context)
    try:
        async for finding in _cluster(api):
            yield finding
            if not finding.is_well:
                return
    finally:
        await api.aclose()
    async with open_source(where, ()) as source:
        yield _declared(source)
        for finding in _answered(source):
            yield finding
        for body in source.store.of_kind(INTEGRATION):
            for finding in await _integration(source, str(body["metadata"]["name"]), settings):
                yield finding


async def _cluster(api: ApiServer) -> AsyncIterator[Finding]:
    try:
        version = await api.get(ApiPath.of("version"))
    except ControllerError as error:
        yield Finding("Kubernetes API", False, error.message)
        return
    yield Finding("Kubernetes API", True, f"{version.get('gitVersion', '')} at {api.origin}")
    absent = await missing_kinds(api)
    told = (
        f"missing {', '.join(absent)}; apply the folder crds/ or the chart"
        if absent
        else f"{GROUP}/{VERSION}"
    )
    yield Finding("CustomResourceDefinitions", not absent, told)


def _declared(source: Source) -> Finding:
    counts = {kind: len(source.store.of_kind(kind)) for kind in (ORG, INTEGRATION, MAPPING, LIMIT)}
    told = ", ".join(f"{count} {kind}" for kind, count in counts.items())
    if not counts[INTEGRATION]:
        told += f" in namespace {source.namespace}; examples/quickstart has a first one"
    return Finding("Resources", counts[INTEGRATION] > 0, told)


def _answered(source: Source) -> list[Finding]:
    """Whether the operator has seen the present generation of everything: without one nothing happens."""
    late = [
        f"{kind} {body['metadata']['name']}"
        for kind in KINDS
        for body in source.store.of_kind(kind)
        if (body.get("status") or {}).get("observedGeneration") != body["metadata"].get("generation")
    ]
    if not late:
        return [Finding("Operator", True, "has seen the present generation of each")]
    told = f"has not seen {', '.join(late[:3])}; does it run, and watch namespace {source.namespace}?"
    return [Finding("Operator", False, told)]


async def _integration(source: Source, name: str, settings: Settings) -> list[Finding]:
    try:
        reports = await plan_all(source, [name], settings)
    except ControllerError as error:
        return [Finding(f"{INTEGRATION} {name}", False, error.message)]
    return _report(name, reports[0])


def _report(name: str, report: Report) -> list[Finding]:
    """What one run that wrote nothing found out."""
    title = f"{INTEGRATION} {name}"
    if report.inputs.integration.spec.suspend:
        return [Finding(title, True, "suspended")]
    if report.error is not None:
        return [Finding(title, False, str(report.error))]
    plan, actual = report.plan, report.actual
    assert plan is not None
    assert actual is not None
    found = [
        Finding(f"{title}: Okta", True, f"app {actual.app.label}, {len(actual.assignments.people)} people"),
        Finding(f"{title}: provider", actual.provider.probe.ok,
                actual.provider.probe.cause or f"{len(actual.accounts.accounts)} accounts"),
    ]  # fmt: skip
    found += [Finding(f"{title}: to be done by a person", not step.blocks, step.title) for step in plan.steps]
    found += [Finding(f"{problem.kind} {problem.name}", False, problem.message) for problem in plan.problems]
    return found
