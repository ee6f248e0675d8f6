"""What Okta is asked for: calls of a full read by size of the app, and under injected 429.

`run()` is called by `python -m bench`. The org is the simulated one, in this process and on a clock that
stands still, so that what is measured is the number of calls and not the machine; the time is a machine's.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from datetime import timedelta
from typing import Any

import httpx
from pydantic import SecretStr

from controller.clock import ManualClock
from controller.model.people import Reads
from controller.okta.connect import OrgAccess, okta_budgets, open_org
from controller.okta.routes import bucket_of
from controller.planning.base.desired import Desired, DesiredAssignments, Limit, Profile, Safeguards
from controller.targets.app_lookup import AppLookup
from controller.targets.okta_app import OktaApp
from controller.targets.okta_people import OktaPeople
from controller.transport.session import Wiring
from scim_sandbox.okta.app import build_app
from scim_sandbox.okta.seed import seed
from scim_sandbox.okta.store import Org
from scim_sandbox.people import SandboxPerson

URL, TOKEN = "https://acme.okta.example", "bench-token"
LARGE = Limit(1_000_000, 100)


def run() -> list[dict[str, Any]]:
    """One row for each figure."""
    rows = []
    for count in (10_000, 100_000):
        rows += asyncio.run(_full_read(count))
    rows += asyncio.run(_under_429())
    return rows


async def _full_read(count: int) -> list[dict[str, Any]]:
    org, app, people, desired = await _world(count)
    begun = time.perf_counter()
    await app.observe(desired)
    state = await people.observe(desired)
    seconds = time.perf_counter() - begun
    assert len(state.people) == count
    shared = [call for call in org.requests if bucket_of(call["method"], call["path"]) == "apps"]
    pages = [call for call in shared if call["path"].endswith("/users")]
    limited = sum(call["status"] == 429 for call in org.requests)
    return [
        _row(f"calls of the apps bucket for {count:,} people", len(pages), "calls", count // 500 + 1),
        _row(f"calls of the apps bucket beside them at {count:,}", len(shared) - len(pages), "calls", 4),
        _row(f"429 in a full read of {count:,} people", limited, "answers", 0),
        _row(f"full read of {count:,} people, budget waits left out", round(seconds, 2), "s"),
    ]


async def _under_429() -> list[dict[str, Any]]:
    org, app, people, desired = await _world(2_000)
    await app.observe(desired)
    await people.observe(desired)
    needed = len(org.requests)
    org.faults.add({"kind": "status", "status": 429, "path": "/api/v1", "rate": 0.5})
    state = await people.observe(desired)
    await app.observe(desired)
    used = len(org.requests) - needed
    return [
        _row("people read whole under 50 % injected 429", len(state.people), "people", 2_000, exact=True),
        _row("calls used for them", used, "calls", peer=f"calls needed: {needed}"),
    ]


def _row(
    figure: str,
    value: float,
    unit: str,
    bound: float | None = None,
    *,
    peer: str | None = None,
    exact: bool = False,
) -> dict[str, Any]:
    holds = True if bound is None else value == bound if exact else value <= bound
    return {"figure": figure, "value": value, "unit": unit, "bound": bound, "peer": peer, "holds": holds}


async def _world(count: int) -> tuple[Org, OktaApp, OktaPeople, Desired]:
    clock = ManualClock()
    org = Org(URL, api_token=TOKEN, clock=clock)
    staff = [
        SandboxPerson(f"p{n:06}@acme.example", f"First{n}", f"Last{n}", f"First{n} Last{n}", "Sales")
        for n in range(count)
    ]
    record = seed(org, staff, assigned=count)
    wiring = Wiring(clock=clock, transport=httpx.ASGITransport(build_app(org)))
    access = OrgAccess(URL, "ApiToken", api_token=SecretStr(TOKEN))
    opened = await open_org(access, okta_budgets(wiring), owner="a/acme", percent=50, wiring=wiring)
    lookup = AppLookup(opened.client)
    return (
        org,
        OktaApp(opened.client, lookup, clock),
        OktaPeople(opened.client, lookup, clock),
        _desired(record.id),
    )


def _desired(app_id: str) -> Desired:
    return Desired(
        namespace="team",
        name="calendly",
        generation=1,
        mode="Observe",
        by="Okta",
        app_id=app_id,
        app_label="",
        username_format="",
        allow_app_replace=False,
        base_url="https://scim.example.com/scim/v2/acme",
        profile=Profile("generic", None),
        reads=Reads(("department", "displayName", "email", "firstName", "lastName"), ()),
        attributes=(),
        attribute_policy="Exact",
        prune_schema=False,
        group=None,
        assignments=DesiredAssignments("Direct", "", (), (), prune=False, is_declared=False),
        seats=None,
        actions=frozenset({"Create", "Update", "Deactivate"}),
        required_plan="",
        sso_required=False,
        on_deactivated="Deactivate",
        on_suspended="Keep",
        on_unassigned="Deactivate",
        create_not_yet_active=False,
        adopts_orphans=False,
        may_deactivate_adopted=False,
        safeguards=Safeguards(timedelta(hours=24), 5, LARGE, LARGE, LARGE),
        protected=frozenset(),
        corrects_drift=True,
        windows=(),
    )


if __name__ == "__main__":
    json.dump(run(), sys.stdout, indent=1)
