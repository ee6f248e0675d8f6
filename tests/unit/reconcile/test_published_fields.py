"""Every field that a CRD publishes in a status is written by some flow: what is only promised misleads.

The flows are reports of runs, as rich as they can be, and checks of an OktaOrg. A field that is added to a
model and forgotten in the code that writes the status fails here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any, get_args

import pytest
from pydantic import BaseModel

from controller.api.kinds import KINDS
from controller.api.okta_org import BucketStatus
from controller.model.actions import ActionKind, Result, Touch
from controller.model.actual import Deferred, HeldTokens, Token, Touched
from controller.model.people import OktaId
from controller.model.plan import Frozen, HoldReason, ManualStep, MappingPreview, Move, Problem, SeatState
from controller.planning.base.desired import DesiredRotation, TokenPlace
from controller.reconcile.org_status import Check, OrgFacts, checked_status
from controller.reconcile.related_status import limit_status, mapping_status
from controller.reconcile.report import Report
from controller.reconcile.schedule import Next
from controller.reconcile.status import Asked, Surroundings, integration_status
from tests.unit.planning import world
from tests.unit.reconcile.reports import (
    NOW,
    action,
    drift,
    inputs,
    outcome,
    report,
    resource,
    seats,
    setting,
)

Path = tuple[str, ...]


def published(model: type[BaseModel], above: Path = ()) -> Iterator[Path]:
    """The path of every field of `model`; lists count by their items."""
    for field in model.model_fields.values():
        assert field.alias is not None
        place, parts = (*above, field.alias), list(flattened(field.annotation))
        yield place
        for part in parts:
            if isinstance(part, type) and issubclass(part, BaseModel):
                yield from published(part, place)


def flattened(kind: Any) -> Iterator[Any]:
    yield kind
    for part in get_args(kind):
        yield from flattened(part)


def written(value: Any, above: Path = ()) -> Iterator[Path]:
    """The path of everything in `value`."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield (*above, name)
            yield from written(inner, (*above, name))
    elif isinstance(value, list):
        for one in value:
            yield from written(one, above)


def rich(**changes: Any) -> Report:
    """A run in which everything happened."""
    people = tuple(world.person(n, assigned_at="2025-01-01T00:00:00Z", last_sign_in="") for n in range(3))
    ours = Token("t3", "operator a/b", ("scim",), NOW, NOW + timedelta(days=30), None, "operator a/b", "f1")
    okta = Token("t2", "okta", ("scim",), NOW, NOW + timedelta(days=60), None, "", "f2")
    state = world.with_provider(
        world.actual(people, [world.account_of(one) for one in people]),
        tokens=(ours, okta),
        held=HeldTokens("f1", "f1", "f2"),
        last_active={OktaId("00u1"): "2025-02-01T10:00:00Z"},
    )
    state = world.with_app(state, features=frozenset({"PUSH_NEW_USERS"}))
    state = world.with_provider(state, probe=replace(state.provider.probe, cause="slow"))
    place = TokenPlace("operator", "operator a/b", "s", "token", "s", "spec.provider.tokenRotation.issueTo")
    touches = {touch: action(number=n, touch=touch) for n, touch in enumerate(COUNTED, 10)}
    refused = action(ActionKind.CREATE_ACCOUNT, 2)
    waiting = [(one, HoldReason.AWAITING_APPROVAL) for one in (setting(), *touches.values())]
    frozen = Frozen("f" * 64, 1, NOW - timedelta(hours=1), tuple(one for one, _ in waiting))
    moves = (
        Move(OktaId("00u1"), "p1@acme.com", "Legal", "Sales"),
        Move(OktaId("00u2"), "p2@acme.com", "Sales", "Legal"),
    )
    counts = seats(SeatState.AT_CAPACITY, 28, 2)
    made = report(
        [action(), refused],
        [outcome(action()), outcome(refused, Result.FAILED, "Rejected", "no e-mail")],
        waiting,
        plan={
            "drift": (drift(number=9),),
            "seats": replace(counts, available=0),
            "steps": (ManualStep("s1", "Turn it on", "Console", "Click", "Read", blocks=True, digest="x"),),
            "preview": MappingPreview(
                {"Sales": 2}, {"sales": 1}, ("Other",), 1, suggestions={"sales": "Sales"}, moves=moves
            ),
            "problems": (Problem("SeatLimit", "x", "PushFailed", "no", okta_id="00u1"),),
        },
        verdict={"frozen": frozen, "digest": "f" * 64, "newer": 3, "message": "wait", "tripped": COUNTED},
        desired_with={
            "seats": replace(world.desired_seats(), inactive_for=timedelta(days=90)),
            "rotation": DesiredRotation(timedelta(days=10), timedelta(days=1), (place,)),
        },
        actual=state,
        memory=world.memory(
            seat_history=tuple((f"2026-02-{number:02}", number) for number in range(1, 29)),
            deferred={OktaId("00u1"): {"emails[primary]": Deferred("n@x", "o@x", "2026-03-02T12:00:00Z")}},
            window=tuple(
                Touched(f"00u{n}", one.value, "2026-03-02T11:00:00Z") for n, one in enumerate(COUNTED)
            ),
        ),
        inputs=inputs(mappings=(resource("GroupMapping"), resource("GroupMapping", name="more"))),
    )
    return replace(made, **changes)


COUNTED = (Touch.REMOVAL, Touch.CHANGE, Touch.LEAVER)


def integrations() -> Iterator[dict[str, Any]]:
    around = Surroundings("1h0m0s", "ops", Next(3600.0))
    yield integration_status({}, rich(), Asked("now", "d#1", "ada", "p1#1"), around)


def mappings() -> Iterator[dict[str, Any]]:
    yield mapping_status(resource("GroupMapping"), rich(), NOW)
    unused = rich()
    assert unused.plan is not None
    preview = replace(unused.plan.preview, unused=("Sales",))
    yield mapping_status(
        resource("GroupMapping"), replace(unused, plan=replace(unused.plan, preview=preview)), NOW
    )


def limits() -> Iterator[dict[str, Any]]:
    yield limit_status(resource("SeatLimit"), rich(), NOW)


def orgs() -> Iterator[dict[str, Any]]:
    bucket = BucketStatus(name="apps", limit=100, remaining=0)
    facts = OrgFacts(1, 0, is_throttled=True, buckets=(bucket,), last_event=NOW)
    yield checked_status(resource("OktaOrg"), Check("00o1", requested_at="now"), facts, NOW)


FLOWS = {"ScimIntegration": integrations, "GroupMapping": mappings, "SeatLimit": limits, "OktaOrg": orgs}


@pytest.mark.parametrize("kind", KINDS)
def test_every_published_field_is_written_by_some_flow(kind: str) -> None:
    documents: Iterable[dict[str, Any]] = FLOWS[kind]()
    found = {path for document in documents for path in written(document)}
    promised = set(published(KINDS[kind].status))
    assert {".".join(path) for path in promised - found} == set()


def test_a_field_that_nothing_writes_is_seen() -> None:
    class Promising(KINDS["SeatLimit"].status):  # type: ignore[name-defined,misc]
        never: int | None = None

    assert ("never",) in set(published(Promising))
    assert ("seats", "percentUsed") in set(published(Promising))
