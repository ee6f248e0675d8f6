"""Two log lines for every write to Okta or the provider: before it is sent, and with what became of it.

Called by the engine. Both say who caused the write and what it changes. The first is there because many
writes are confirmed by one listing in the end: a process that is killed before that leaves a line for each
write that may have arrived. Values of people's attributes are facts of the lines; secrets are not, since
actions never hold any.
"""

from __future__ import annotations

import logging
from typing import Literal

from controller.api.meta import APPROVED_BY
from controller.model.actions import Action, Outcome
from controller.model.plan import Verdict
from controller.planning.base.digest import fingerprint
from controller.planning.base.inputs import Inputs
from controller.reconcile.totals import is_about_one

STARTED = "Started"
"""In place of a result while there is none."""
People = Literal["login", "id"]
logger = logging.getLogger("controller.audit")


def audit_start(inputs: Inputs, action: Action, people: People, verdict: Verdict | None = None) -> None:
    """Logs that `action` is about to be sent, with the message "write starts"."""
    _log("write starts", {**_facts(inputs, action, verdict), "result": STARTED, **_values(action, people)})


def audit(inputs: Inputs, outcome: Outcome, people: People, verdict: Verdict | None = None) -> None:
    """Logs `outcome` as one line, with the message "write"; with people="id" neither logins nor attribute
    values appear. An approver is named only where `verdict` let the action go for an approval, however many
    annotations are left over."""
    action = outcome.action
    facts = {
        **_facts(inputs, action, verdict),
        "result": outcome.result.value,
        "reason": outcome.reason,
        "requestId": outcome.request_id,
        **_values(action, people),
    }
    if _shows_values(action, people):
        facts["message"] = outcome.message
    _log("write", facts)


def _facts(inputs: Inputs, action: Action, verdict: Verdict | None) -> dict[str, object]:
    """What both lines say: the resource, the approval, the action."""
    resource = inputs.integration
    is_approved = verdict is not None and fingerprint(action) in verdict.approved_keys
    return {
        "resource": f"{resource.namespace}/{resource.name}",
        "generation": resource.generation,
        "approval": verdict.memory_approved if verdict is not None and is_approved else "",
        "approvedBy": resource.annotations.get(APPROVED_BY, "") if is_approved else "",
        "action": action.kind.value,
        "subject": action.subject,
        "why": action.why,
    }


def _values(action: Action, people: People) -> dict[str, object]:
    """What changes: the values, or with people="id" the names of a person's fields only."""
    if not _shows_values(action, people):
        return {"fields": [path for path, _ in action.after]}
    return {"label": action.label, "before": dict(action.before), "after": dict(action.after)}


def _shows_values(action: Action, people: People) -> bool:
    return people == "login" or not is_about_one(action)


def _log(message: str, facts: dict[str, object]) -> None:
    logger.info(
        message, extra={"facts": {key: value for key, value in facts.items() if value not in ("", {})}}
    )
