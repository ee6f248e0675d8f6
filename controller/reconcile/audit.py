"""One log line for every write to Okta or the provider: who caused it, what it was before and after.

Called by the engine for each outcome. Values of people's attributes are facts of the line; secrets are not,
since actions never hold any.
"""

from __future__ import annotations

import logging
from typing import Literal

from controller.api.meta import APPROVED_BY
from controller.model.actions import Outcome
from controller.model.plan import Verdict
from controller.planning.digest import fingerprint
from controller.planning.inputs import Inputs
from controller.reconcile.outcome import is_about_one

logger = logging.getLogger("controller.audit")


def audit(
    inputs: Inputs, outcome: Outcome, people: Literal["login", "id"], verdict: Verdict | None = None
) -> None:
    """Logs `outcome` as one line; with people="id" neither logins nor attribute values appear. An approver is
    named only where `verdict` let the action go for an approval, however many annotations are left over."""
    action, resource = outcome.action, inputs.integration
    about_one = is_about_one(action)
    is_approved = verdict is not None and fingerprint(action) in verdict.approved_keys
    facts: dict[str, object] = {
        "resource": f"{resource.namespace}/{resource.name}",
        "generation": resource.generation,
        "approval": verdict.memory_approved if verdict is not None and is_approved else "",
        "approvedBy": resource.annotations.get(APPROVED_BY, "") if is_approved else "",
        "action": action.kind.value,
        "subject": action.subject,
        "result": outcome.result.value,
        "reason": outcome.reason,
        "requestId": outcome.request_id,
        "why": action.why,
    }
    if people == "login" or not about_one:
        facts |= {"label": action.label, "before": dict(action.before), "after": dict(action.after)}
        facts["message"] = outcome.message
    else:
        facts["fields"] = [path for path, _ in action.after]
    logger.info(
        "write", extra={"facts": {key: value for key, value in facts.items() if value not in ("", {})}}
    )
