"""`scimctl plan`: what the operator would do, without doing it.

Composes running, which makes reports, and planning.render, which shows them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from controller.cli.options import Output
from controller.cli.running import Where, open_source, own_settings, plan_all
from controller.errors import SpecError
from controller.handlers.manifests import read_manifests
from controller.planning.plan_json import render_json
from controller.planning.render import Planned, render_markdown, render_text
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
        print(json.dumps(render_json(planned), indent=2, ensure_ascii=False))
    elif output is Output.MARKDOWN:
        print(render_markdown(planned))
    else:
        print(render_text(planned))
