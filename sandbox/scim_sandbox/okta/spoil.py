"""Answers as faults make them: in place of Okta's own, or out of it. Called by app; decides nothing."""

from __future__ import annotations

import json

from scim_sandbox.okta.calls import Answer
from scim_sandbox.okta.faults import Fault
from scim_sandbox.okta.problems import OktaProblem

PAGE = b"<!DOCTYPE html><html><body><h1>We will be right back</h1></body></html>"
ELSEWHERE = "https://elsewhere.example.com/"


def instead(kinds: dict[str, Fault]) -> Answer | None:
    """The answer that comes without the call having any effect; OktaProblem for `status`."""
    if "status" in kinds:
        raise status_problem(kinds["status"].status)
    if "empty" in kinds:
        return Answer(status=kinds["empty"].status or 502)
    if "edge" in kinds:
        status = kinds["edge"].status or 404
        return Answer({"status": status, "message": "Resource not found"}, status, is_foreign=True)
    if "html" in kinds:
        headers = [("content-type", "text/html")]
        return Answer(status=kinds["html"].status or 200, encoded=PAGE, headers=headers)
    if "redirect" in kinds:
        return Answer(status=kinds["redirect"].status or 302, headers=[("location", ELSEWHERE)])
    return None


def spoiled(answer: Answer, kinds: dict[str, Fault]) -> Answer:
    """What becomes of the answer to a call that had its effect."""
    if "lost-answer" in kinds:
        raise status_problem(kinds["lost-answer"].status or 503)
    if "truncate" in kinds:
        answer = _truncated(answer)
    if "cut" in kinds:
        content = answer.content()
        answer = Answer(status=answer.status, headers=answer.headers, encoded=content[: len(content) // 2])
    return answer


def status_problem(status: int) -> OktaProblem:
    """An error of this status with the code that Okta would give it."""
    codes = {
        400: "E0000001", 401: "E0000011", 403: "E0000006", 404: "E0000007", 409: "E0000195", 429: "E0000047",
        503: "E0000010",
    }  # fmt: skip
    code = codes.get(status, "E0000009")
    summary = "" if code not in ("E0000001", "E0000007") else "Injected by a fault"
    return OktaProblem(code, summary, status=status)


def _truncated(answer: Answer) -> Answer:
    """The first half of a listing, without its next link."""
    body = json.loads(answer.content() or b"null")
    if not isinstance(body, list):
        return answer
    headers = [each for each in answer.headers if 'rel="next"' not in each[1]]
    return Answer(body[: len(body) // 2], answer.status, headers)
