"""`scimctl plan`: what the operator would do, without doing it; the plan that waits; everybody who waits.

Composes running, which makes reports, and planning.output.render, which shows them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from controller.api.scim_integration import ScimIntegrationSpec
from controller.cli.local_engine import Where, open_source, own_settings, plan_all, plans_that_wait
from controller.cli.options import Output, Shape
from controller.cli.terminal import emit, tell, tell_columns
from controller.clock import rfc3339
from controller.errors import SpecError
from controller.kube.manifests import read_manifests
from controller.model.plan import Frozen, HoldReason, Plan, Verdict
from controller.planning.base.inputs import Resource
from controller.planning.output.plan_json import render_json
from controller.planning.output.render import Planned, render_markdown, render_text
from controller.planning.policy.approval import LIFETIME
from controller.reconcile.report import Report


async def plan(where: Where, files: Iterable[str], names: Iterable[str], output: Output) -> bool:
    """Whether some plan has actions; prints all of them. SpecError tells the first that could not be made."""
    manifests = read_manifests(files)
    if where.offline and not manifests:
        raise SpecError("needs files, since no cluster is asked: add -f FILE", field="--offline")
    async with open_source(where, manifests) as source:
        planned = [_planned(report) for report in await plan_all(source, names, own_settings())]
    _print(planned, output)
    failed = next((each for each in planned if each.error), None)
    if failed is not None:
        raise SpecError(failed.error, field=f"ScimIntegration {failed.name}")
    return any(each.plan is not None and each.plan.actions for each in planned)


async def stored_plan(where: Where, names: Iterable[str], output: Output) -> None:
    """Prints the plans that wait for an approval, whole, as the operator has stored them; SpecError where one
    is named and none waits."""
    wanted = list(names)
    async with open_source(where, ()) as source:
        waiting = await plans_that_wait(source, wanted)
    if wanted and not waiting:
        raise SpecError("no plan waits for an approval", field=f"ScimIntegration {wanted[0]}")
    _print([_frozen(integration, frozen) for integration, frozen in waiting], output)
    if not waiting and output is Output.TEXT:
        emit("No plan waits for an approval.")


def _frozen(integration: Resource[ScimIntegrationSpec], frozen: Frozen) -> Planned:
    until = rfc3339(frozen.created + LIFETIME)
    told = (
        f"as it was cut at {rfc3339(frozen.created)}, approvable until {until} with: "
        f"scimctl approve {integration.name} -n {integration.namespace} {frozen.digest}"
    )
    held = tuple((action, HoldReason.AWAITING_APPROVAL) for action in frozen.actions)
    verdict = Verdict((), held, HoldReason.AWAITING_APPROVAL, told, frozen.digest)
    plan = Plan(frozen.actions, frozen.digest)
    return Planned(integration.namespace, integration.name, integration.spec.mode, plan, verdict)


async def everybody_waiting(where: Where, name: str, shape: Shape) -> None:
    """Prints everybody who waits for a seat, in the order of admission, by the operator's own engine."""
    async with open_source(where, ()) as source:
        reports = await plan_all(source, (), own_settings())
    rows: list[tuple[str, str, str, str]] = []
    for report in reports:
        desired = report.desired.seats if report.desired is not None else None
        seats = report.plan.seats if report.plan is not None else None
        if desired is None or seats is None or name not in ("", desired.name) or report.actual is None:
            continue
        since = {person.okta_id: person.assigned_at for person in report.actual.assignments.people}
        rows += [
            (desired.name, str(place), login, since.get(okta_id, ""))
            for place, (okta_id, login) in enumerate(seats.waiting, 1)
        ]
    if shape is Shape.JSON:
        keys = ("limit", "place", "login", "since")
        emit(json.dumps([dict(zip(keys, row, strict=True)) for row in rows], indent=2, ensure_ascii=False))
    elif rows:
        tell_columns(("LIMIT", "PLACE", "LOGIN", "SINCE"), rows)
    else:
        emit("Nobody waits for a seat.")


def _planned(report: Report) -> Planned:
    integration = report.inputs.integration
    error = str(report.error) if report.error is not None else ""
    if not error and report.plan is None:
        error = "spec.suspend is true: nothing is read or planned"
    return Planned(
        integration.namespace, integration.name, integration.spec.mode, report.plan, report.verdict, error
    )


def _print(planned: list[Planned], output: Output) -> None:
    if output is Output.JSON:
        emit(json.dumps(render_json(planned), indent=2, ensure_ascii=False))
    elif output is Output.MARKDOWN:
        emit(render_markdown(planned))
    else:
        tell(render_text(planned))
