"""What makes two actions the same, and the digest that an approval names.

Called by make_plan and policy. Over what is done to whom, never over how it is worded or in which order it
was found.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable

from controller.model.actions import Action, ActionKind


def fingerprint(action: Action) -> str:
    """16 hex digits for what `action` wants: its kind, its subject and the fields as desired.

    Equal for an action that was planned again after something else happened to the same subject, as long
    as it still leads to the same values. A group counts by its name: one that the plan creates has no id yet.
    """
    subject = action.label if action.kind is ActionKind.ASSIGN_GROUP else action.subject
    return _hash([action.kind.value, subject, action.after])[:16]


def plan_digest(actions: Iterable[Action]) -> str:
    """sha256 over the canonical actions, 64 hex digits; "" where there is none.

    Independent of the order of `actions`; of every field it leaves out only what a reader is told (`label`,
    `why`), what the provider numbers (`remote_id`) and the order of the run (`needs`).
    """
    rows = sorted(
        json.dumps(
            [a.kind.value, a.subject, a.touch.value, a.before, a.after, sorted(a.people)],
            separators=(",", ":"),
        )
        for a in actions
    )
    return _hash(rows) if rows else ""


def step_digest(*parts: str) -> str:
    """12 hex digits that bind an acknowledgement to the content of a manual step."""
    return _hash(parts)[:12]


def _hash(value: object) -> str:
    text = json.dumps(value, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
