"""A plan as JSON for a program, and the schema of it.

Called by `scimctl plan -o json`; docs/plan.schema.json is generated from SCHEMA. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from controller.model.actions import Action
from controller.model.plan import Plan, Seats, Verdict
from controller.planning.output.render import Planned


def render_json(planned: Iterable[Planned]) -> dict[str, Any]:
    """For a program, as SCHEMA says."""
    return {"integrations": [_json(each) for each in planned]}


def _json(planned: Planned) -> dict[str, Any]:
    head = {
        "namespace": planned.namespace,
        "name": planned.name,
        "mode": planned.mode,
        "error": planned.error,
    }
    plan, verdict = planned.plan, planned.verdict
    if plan is None or verdict is None:
        return {**head, "plan": None}
    return {**head, "plan": _plan(plan, verdict)}


def _plan(plan: Plan, verdict: Verdict) -> dict[str, Any]:
    held = {action.key: reason.value for action, reason in verdict.held}
    return {
        "digest": plan.digest,
        "actions": [{**_action(action), "held": held.get(action.key, "")} for action in plan.actions],
        "drift": [
            {"kind": item.kind.value, "where": item.where, "what": item.what,
             "expected": item.expected, "actual": item.actual}
            for item in plan.drift
        ],
        "unconfirmed": [
            {"id": one.okta_id, "login": one.login, "path": one.path, "value": one.value, "since": one.since}
            for one in plan.unconfirmed
        ],
        "seats": None if plan.seats is None else _seat_counts(plan.seats),
        "manualSteps": [
            {"id": s.step_id, "title": s.title, "where": s.where, "instructions": s.instructions,
             "verifiedBy": s.verified_by, "blocks": s.blocks, "digest": s.digest}
            for s in plan.steps
        ],
        "problems": [
            {"kind": p.kind, "name": p.name, "reason": p.reason, "field": p.field, "message": p.message}
            for p in plan.problems
        ],
        "people": {name: getattr(plan.counts, name) for name in _COUNTS},
        "groups": {
            "peopleByValue": dict(plan.preview.people_by_value),
            "unmatched": dict(plan.preview.unmatched),
            "unused": list(plan.preview.unused),
            "withoutValue": plan.preview.without_value,
            "suggestions": dict(plan.preview.suggestions),
            "moves": [
                {"id": m.okta_id, "login": m.login, "before": m.before, "after": m.after}
                for m in plan.preview.moves
            ],
        },
        "verdict": {
            "runs": len(verdict.run),
            "held": len(verdict.held),
            "reason": verdict.reason.value if verdict.reason else "",
            "message": verdict.message,
            "approve": verdict.digest,
        },
    }  # fmt: skip


def _action(action: Action) -> dict[str, Any]:
    return {
        "action": action.kind.value,
        "subject": action.subject,
        "what": action.label,
        "touch": action.touch.value,
        "before": dict(action.before),
        "after": dict(action.after),
        "why": action.why,
        "needs": list(action.needs),
    }


def _seat_counts(seats: Seats) -> dict[str, Any]:
    return {
        "limit": seats.limit,
        "used": seats.used,
        "pending": seats.pending,
        "reserved": seats.reserved,
        "available": seats.available,
        "admitted": seats.admitted,
        "percentUsed": seats.percent_used,
        "state": seats.state.value,
        "waiting": [{"id": okta_id, "login": login} for okta_id, login in seats.waiting],
    }


_COUNTS: Final = ("assigned", "provisioned", "pending", "waiting", "failed")


def _object(**properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _list(items: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items}


_TEXT: Final = {"type": "string"}
_NUMBER: Final = {"type": "integer"}
_FLAG: Final = {"type": "boolean"}
_ANY: Final = {"type": ["string", "number", "boolean", "null"]}
_FIELDS: Final = {"type": "object", "additionalProperties": _ANY}
_COUNTED: Final = {"type": "object", "additionalProperties": _NUMBER}

_PLAN_SCHEMA: Final = _object(
    digest=_TEXT,
    actions=_list(
        _object(action=_TEXT, subject=_TEXT, what=_TEXT, touch=_TEXT, before=_FIELDS, after=_FIELDS,
                why=_TEXT, needs=_list(_TEXT), held=_TEXT)
    ),
    drift=_list(_object(kind=_TEXT, where=_TEXT, what=_TEXT, expected=_ANY, actual=_ANY)),
    unconfirmed=_list(_object(id=_TEXT, login=_TEXT, path=_TEXT, value=_TEXT, since=_TEXT)),
    seats={
        "oneOf": [
            {"type": "null"},
            _object(limit=_NUMBER, used=_NUMBER, pending={"type": ["integer", "null"]}, reserved=_NUMBER,
                    available=_NUMBER, admitted=_NUMBER, percentUsed=_NUMBER, state=_TEXT,
                    waiting=_list(_object(id=_TEXT, login=_TEXT))),
        ]
    },
    manualSteps=_list(
        _object(id=_TEXT, title=_TEXT, where=_TEXT, instructions=_TEXT, verifiedBy=_TEXT, blocks=_FLAG,
                digest=_TEXT)
    ),
    problems=_list(_object(kind=_TEXT, name=_TEXT, reason=_TEXT, field=_TEXT, message=_TEXT)),
    people=_object(**dict.fromkeys(_COUNTS, _NUMBER)),
    groups=_object(
        peopleByValue=_COUNTED, unmatched=_COUNTED, unused=_list(_TEXT), withoutValue=_NUMBER,
        suggestions={"type": "object", "additionalProperties": _TEXT},
        moves=_list(_object(id=_TEXT, login=_TEXT, before={"type": ["string", "null"]}, after=_TEXT)),
    ),
    verdict=_object(runs=_NUMBER, held=_NUMBER, reason=_TEXT, message=_TEXT, approve=_TEXT),
)  # fmt: skip

SCHEMA: Final[dict[str, Any]] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "What `scimctl plan -o json` prints",
    **_object(
        integrations=_list(
            _object(
                namespace=_TEXT,
                name=_TEXT,
                mode=_TEXT,
                error=_TEXT,
                plan={"oneOf": [{"type": "null"}, _PLAN_SCHEMA]},
            )
        )
    ),
}
