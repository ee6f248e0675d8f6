"""How long planning takes and what it holds in memory, against reading the same pages with `json.loads`.

`run()` is called by `python -m bench`; each measurement runs in a process of its own, so that one does not
warm up or bloat the next. People are generated; the pages have the shape of Okta's app users and of a SCIM
listing.
"""

from __future__ import annotations

import gc
import json
import multiprocessing
import resource
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from operator import itemgetter
from pathlib import Path
from typing import Any

from controller.model.actual import (
    AccountState,
    Actual,
    AppState,
    AssignmentState,
    Memory,
    Organization,
    Probe,
    ProviderState,
)
from controller.model.people import Account, OktaId, Person, PersonState, Reads, ScimId
from controller.planning.base.desired import (
    Attribute,
    Desired,
    DesiredAssignments,
    DesiredGroups,
    Limit,
    Profile,
    Safeguards,
)
from controller.planning.desired.expression import compile_expression
from controller.planning.make_plan import make_plan
from controller.planning.policy.decision import Circumstances, judge
from controller.planning.state.after_run import Run, remember

READ = ("department", "displayName", "email", "firstName", "lastName")
GROUP = "urn:calendly:scim:schemas:2.0:User:group"
PATHS = ("name.givenName", "name.familyName", "emails[primary]", "displayName", GROUP)
URL = "https://scim.example.com/scim/v2/acme"
DEPARTMENTS = ("Engineering", "Sales EMEA", "Sales US", "Finance", "People", "Legal", "Support", "Marketing")
NOW = datetime(2026, 3, 2, tzinfo=UTC)


def run() -> list[dict[str, Any]]:
    """One row for each figure."""
    rows = []
    for count in (1_000, 10_000, 100_000):
        figures = _apart(measure, count)
        rows.append(_row(f"plan {count:,} people, 1 % changed", figures["plan"], "s"))
        rows.append(_row(f"memory a person at {count:,}", figures["bytes"] / count, "B"))
        if count == 100_000:
            share = figures["plan"] / figures["loads"]
            peer = f"json.loads of the same pages: {figures['loads']:.2f} s"
            rows.append(_row("plan 100,000 people against json.loads", share, "x", 0.5, peer))
            whole = figures["plan"] + figures["judge"] + figures["remember"]
            rows.append(
                _row("plan, verdict and memory of 100,000 people", whole, "s", figures["loads"], peer)
            )
    figures = _apart(measure_streaming, 1_000_000)
    rows.append(_row("read and plan 1,000,000 people, streaming", figures["seconds"], "s", 60.0))
    rows.append(_row("resident memory with 1,000,000 people", figures["mebibytes"], "MiB", 2048.0))
    return rows


def _row(figure: str, value: float, unit: str, bound: float | None = None, peer: str = "") -> dict[str, Any]:
    holds = bound is None or value <= bound
    return {
        "figure": figure,
        "value": round(value, 3),
        "unit": unit,
        "bound": bound,
        "peer": peer,
        "holds": holds,
    }


def _apart(measured: Callable[[int], dict[str, float]], count: int) -> dict[str, float]:
    """The figures of `measured`, taken in a process of its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(measured, (count,))


def okta_page(first: int, size: int, changed: int = 0) -> list[dict[str, Any]]:
    """One page of `GET /api/v1/apps/{id}/users?expand=user`; every `changed`th person differs from the
    account."""
    return [
        _okta_row(number, bool(changed) and number % changed == 0) for number in range(first, first + size)
    ]


def _okta_row(number: int, is_changed: bool) -> dict[str, Any]:
    login, okta_id = f"person{number}@acme.example", f"00u{number:017d}"
    first, last = f"First{number % 4999}", f"Last{number % 9973}"
    department = "Research" if is_changed else DEPARTMENTS[number % len(DEPARTMENTS)]
    link = f"https://acme.okta.com/api/v1/apps/0oa1/users/{okta_id}"
    profile = {
        "firstName": first,
        "lastName": last,
        "displayName": f"{first} {last}",
        "email": login,
        "login": login,
        "department": department,
        "mobilePhone": None,
        "secondEmail": None,
        "title": "Member of staff",
        "costCenter": str(number % 97),
        "city": "Berlin",
        "countryCode": "DE",
        "timezone": "Europe/Berlin",
    }
    return {
        "id": okta_id,
        "externalId": None,
        "created": "2026-01-05T09:00:00.000Z",
        "lastUpdated": "2026-01-05T09:00:00.000Z",
        "scope": "GROUP",
        "status": "ACTIVE",
        "statusChanged": "2026-01-05T09:00:00.000Z",
        "syncState": "DISABLED",
        "credentials": {"userName": login},
        "profile": {"givenName": first, "familyName": last, "email": login},
        "_links": {"app": {"href": "https://acme.okta.com/api/v1/apps/0oa1"}, "user": {"href": link}},
        "_embedded": {
            "user": {
                "id": okta_id,
                "status": "ACTIVE",
                "created": "2025-01-05T09:00:00.000Z",
                "activated": "2025-01-05T09:00:00.000Z",
                "lastLogin": "2026-02-05T09:00:00.000Z",
                "lastUpdated": "2026-01-05T09:00:00.000Z",
                "type": {"id": "oty1"},
                "profile": profile,
                "credentials": {"provider": {"type": "OKTA", "name": "OKTA"}, "emails": [{"value": login}]},
                "_links": {"self": {"href": link}},
            }
        },
    }


def scim_page(first: int, size: int) -> dict[str, Any]:
    """One page of `GET /Users`."""
    rows = [_scim_row(number) for number in range(first, first + size)]
    schema = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
    return {"schemas": [schema], "totalResults": first + size, "startIndex": first + 1, "Resources": rows}


def _scim_row(number: int) -> dict[str, Any]:
    login = f"person{number}@acme.example"
    first, last = f"First{number % 4999}", f"Last{number % 9973}"
    scim_id = f"{number:08x}-0000-4000-8000-000000000000"
    core, own = "urn:ietf:params:scim:schemas:core:2.0:User", GROUP.rpartition(":")[0]
    return {
        "schemas": [core, own],
        "id": scim_id,
        "externalId": f"00u{number:017d}",
        "userName": login,
        "name": {"givenName": first, "familyName": last},
        "displayName": f"{first} {last}",
        "active": True,
        "emails": [{"value": login, "type": "work", "primary": True}],
        own: {"group": DEPARTMENTS[number % len(DEPARTMENTS)]},
        "meta": {
            "resourceType": "User",
            "created": "2026-01-05T09:00:00Z",
            "lastModified": "2026-01-05T09:00:00Z",
            "location": f"{URL}/Users/{scim_id}",
            "version": 'W/"1"',
        },
    }


_WANTED = itemgetter(*READ)


class Compact:
    """Turns pages into people and accounts; one text is kept once, however often it was read."""

    def __init__(self) -> None:
        self._texts: dict[Any, Any] = {}

    def people(self, page: list[dict[str, Any]]) -> Iterator[Person]:
        keep = self._texts.setdefault
        for row in page:
            user = row["_embedded"]["user"]
            profile, name, okta_id = user["profile"], row["credentials"]["userName"], row["id"]
            name = keep(name, name)
            raw = _WANTED(profile)
            values = tuple(map(keep, raw, raw))
            yield Person(
                keep(okta_id, okta_id),
                name,
                name,
                PersonState.ACTIVE,
                keep(user["type"]["id"], user["type"]["id"]),
                keep(row["created"], row["created"]),
                values,
            )

    def accounts(self, page: dict[str, Any]) -> Iterator[Account]:
        keep, own = self._texts.setdefault, GROUP.rpartition(":")[0]
        for row in page["Resources"]:
            raw = (
                row["name"]["givenName"],
                row["name"]["familyName"],
                row["emails"][0]["value"],
                row["displayName"],
                row[own]["group"],
            )
            values = tuple(map(keep, raw, raw))
            yield Account(
                ScimId(row["id"]),
                keep(row["externalId"], row["externalId"]),
                keep(row["userName"], row["userName"]),
                row["active"],
                values,
                keep(row["meta"]["version"], row["meta"]["version"]),
            )


def measure(count: int) -> dict[str, float]:
    """Seconds for json.loads of all pages and for the plan, and bytes held by people and accounts."""
    size = min(500, count)
    pages = [json.dumps(okta_page(at, size, 100)) for at in range(0, count, size)]
    listings = [json.dumps(scim_page(at, size)) for at in range(0, count, size)]
    loads = best(lambda: [json.loads(text) for text in (*pages, *listings)])
    before, compact = _resident(), Compact()
    people = tuple(one for text in pages for one in compact.people(json.loads(text)))
    accounts = tuple(one for text in listings for one in compact.accounts(json.loads(text)))
    held = _resident() - before
    actual, memory, desired = _world(people, accounts)
    plan = make_plan(desired, actual, memory)
    assert len(plan.actions) == count // 100, len(plan.actions)
    verdict = judge(plan, desired, actual, memory, Circumstances(NOW))
    made = Run(desired, actual, plan, verdict, (), NOW)
    return {
        "loads": loads,
        "bytes": max(0.0, held),
        "plan": best(lambda: make_plan(desired, actual, memory)),
        "judge": best(lambda: judge(plan, desired, actual, memory, Circumstances(NOW))),
        "remember": best(lambda: remember(memory, made)),
    }


def measure_streaming(count: int) -> dict[str, float]:
    """Seconds of one core and peak memory for reading pages of 500 one after the other and planning. What was
    kept is frozen out of the collector, which would go through all of it again and again."""
    started, generating, compact = time.process_time(), 0.0, Compact()
    people: list[Person] = []
    accounts: list[Account] = []
    for at in range(0, count, 500):
        pause = time.process_time()
        page, listing = json.dumps(okta_page(at, 500, 100)), json.dumps(scim_page(at, 500))
        generating += time.process_time() - pause
        people.extend(compact.people(json.loads(page)))
        accounts.extend(compact.accounts(json.loads(listing)))
        gc.freeze()
    actual, memory, desired = _world(tuple(people), tuple(accounts))
    plan = make_plan(desired, actual, memory)
    assert len(plan.actions) == count // 100
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"seconds": time.process_time() - started - generating, "mebibytes": peak}


def best(call: Callable[[], object], times: int = 3) -> float:
    """Seconds of the fastest of `times` runs, the collector off as in `timeit`."""
    found = []
    for _ in range(times):
        gc.collect()
        gc.disable()
        started = time.perf_counter()
        call()
        found.append(time.perf_counter() - started)
        gc.enable()
    return min(found)


def _resident() -> float:
    gc.collect()
    with Path("/proc/self/statm").open() as handle:
        return int(handle.read().split()[1]) * resource.getpagesize()


def _world(people: tuple[Person, ...], accounts: tuple[Account, ...]) -> tuple[Actual, Memory, Desired]:
    organization = Organization("Enterprise", "true", True, URL, "Invoice", 1, 0, 0, 0, "calendly")
    app = AppState(
        "00o1",
        "0oa1",
        "Calendly",
        "calendly",
        "ACTIVE",
        "SAML_2_0",
        frozenset(),
        "",
        "",
        {"oty1": "default"},
        frozenset(READ),
    )
    actual = Actual(
        app,
        AssignmentState(people, {}, {}, {}),
        ProviderState(Probe(True, 0.1, NOW), organization),
        AccountState(accounts),
    )
    pairs = {OktaId(account.external_id): account.scim_id for account in accounts}
    return actual, Memory(pairs=pairs, tenant=URL, is_new=False), _desired()


def _desired() -> Desired:
    sources = ("user.firstName", "user.lastName", "user.email", "user.displayName")
    attributes = tuple(
        Attribute(path, path, place, compile_expression(source, READ), always=True)
        for place, (source, path) in enumerate(zip(sources, PATHS, strict=False))
    )
    group = DesiredGroups(
        "UserAttribute",
        GROUP,
        4,
        "calendlyGroup",
        "Calendly group",
        "group",
        GROUP.rpartition(":")[0],
        {"default": compile_expression("user.department", READ)},
        {name: name for name in DEPARTMENTS},
        (),
        {},
        create_groups=False,
        unmapped="Keep",
        mappings=frozenset({"teams"}),
    )
    guards = Safeguards(timedelta(hours=24), 5, Limit(20, 10), Limit(200, 20), Limit(200, None))
    return Desired(
        namespace="team",
        name="calendly",
        generation=1,
        mode="Enforce",
        by="Operator",
        app_id="0oa1",
        app_label="",
        username_format="",
        allow_app_replace=False,
        base_url=URL,
        profile=Profile("generic", None),
        reads=Reads(READ, PATHS),
        attributes=attributes,
        attribute_policy="Additive",
        prune_schema=False,
        group=group,
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
        safeguards=guards,
        protected=frozenset(),
        corrects_drift=True,
        windows=(),
    )


if __name__ == "__main__":
    json.dump(run(), sys.stdout, indent=1)
