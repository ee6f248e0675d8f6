"""Okta's error answers as errors of ours: by errorCode alone, with the errorId kept and words that help.

Used by the sessions of connect. Pure. Only Okta's own "not found" (404 with errorCode E0000007 or E0000008)
is NotFound, which callers take for an absence. Any other 404 comes from something in front of Okta, such as
its edge during an outage (recorded: an HTML page, `{"status":404,"message":"Resource not found"}`), and is
Unavailable. Source: developer.okta.com, "Okta error codes and descriptions".
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from controller.errors import Conflict, NotFound, Rejected, RemoteError, Unauthorized, Unavailable, clip
from controller.okta.routes import scope_of
from controller.parsing import split_url
from controller.transport.calls import Answer, Call
from controller.transport.failures import error_of_status


class Meaning(NamedTuple):
    """What an errorCode means for us."""

    kind: type[RemoteError]
    reason: str
    advice: str = ""


MEANINGS = {
    "E0000001": Meaning(Rejected, "Invalid"),
    "E0000002": Meaning(Rejected, "Invalid"),
    "E0000003": Meaning(Rejected, "Invalid"),
    "E0000004": Meaning(Unauthorized, "CredentialsRejected", "the credential is not accepted"),
    "E0000005": Meaning(Unauthorized, "MissingPermission", "a session of this kind may not do that"),
    "E0000006": Meaning(Unauthorized, "MissingPermission"),
    "E0000007": Meaning(NotFound, "NotFound"),
    "E0000008": Meaning(NotFound, "NotFound"),
    "E0000009": Meaning(Unavailable, "Unavailable"),
    "E0000010": Meaning(Unavailable, "ReadOnlyMode", "the org is in read-only mode"),
    "E0000011": Meaning(Unauthorized, "CredentialsRejected", "the token is invalid, expired or revoked"),
    "E0000015": Meaning(Rejected, "FeatureNotEnabled", "the org lacks the feature; ask Okta to enable it"),
    "E0000022": Meaning(Rejected, "Unsupported"),
    "E0000023": Meaning(Rejected, "MasteredElsewhere", "another source owns this profile"),
    "E0000024": Meaning(Rejected, "AppMetadata", "the app's definition does not allow that"),
    "E0000039": Meaning(Rejected, "AppSettings", "change it in the Admin Console"),
    "E0000041": Meaning(Rejected, "CredentialScheme", "the app's sign-on scheme sets the user name"),
    "E0000045": Meaning(Rejected, "FieldMapping", "check the expression of the mapping"),
    "E0000046": Meaning(Rejected, "DeactivationRefused"),
    "E0000053": Meaning(Rejected, "InvalidFilter"),
    "E0000059": Meaning(
        Rejected, "ConnectionTestFailed", "Okta could not reach the provider with this token"
    ),
    "E0000062": Meaning(Conflict, "AlreadyAssigned"),
    "E0000068": Meaning(Rejected, "Invalid"),
    "E0000075": Meaning(Rejected, "AttributeIsMapped", "the mapping sets it; change the mapping instead"),
    "E0000076": Meaning(Rejected, "MasteredElsewhere", "another source owns this profile"),
    "E0000077": Meaning(Rejected, "ReadOnlyAttribute"),
    "E0000078": Meaning(Rejected, "ImmutableAttribute", "delete the attribute and create it again"),
    "E0000081": Meaning(Rejected, "ReservedAttribute", "choose another variable name"),
    "E0000094": Meaning(Rejected, "InvalidFilter"),
    "E0000100": Meaning(Unavailable, "SearchUnavailable"),
    "E0000107": Meaning(Rejected, "WrongState", "activate the app or the user first"),
    "E0000195": Meaning(Unavailable, "ChangedMeanwhile", "something else is changing it; it is tried again"),
}
"""By errorCode. 429 (E0000047) is not among them: a session knows it by its status."""
PROVES_NOTHING = Meaning(
    Unavailable,
    "Unavailable",
    "this answer has no error code of Okta, so it does not prove that anything is missing; something in "
    "front of Okta answered, or the URL is not the URL of an Okta org",
)


def read_error(call: Call, answer: Answer) -> RemoteError | None:
    """The error for an answer of Okta's API; a missing scope or role is named. None for 429."""
    if answer.status == 429:
        return None
    body = answer.body if isinstance(answer.body, dict) else {}
    code, error_id = str(body.get("errorCode") or ""), str(body.get("errorId") or "")
    challenge = answer.headers.get("www-authenticate", "")
    meaning = _meaning(code, answer.status, challenge)
    advice = _permission_advice(call, answer) if meaning.reason == "MissingPermission" else meaning.advice
    says = "; ".join(_words(body)) or answer.text or "no explanation"
    tail = f" ({clip(error_id, 60)})" if error_id else ""
    message = f"Okta refused {call.method} {call.route}: {code or answer.status} {clip(says, 400)}{tail}" + (
        f": {advice}" if advice else ""
    )
    return meaning.kind(
        message,
        system="Okta",
        status=answer.status,
        code=code,
        request_id=error_id or answer.request_id,
        reason=meaning.reason,
    )


def _meaning(code: str, status: int, challenge: str) -> Meaning:
    if "insufficient_scope" in challenge:
        return MEANINGS["E0000006"]
    meaning = MEANINGS.get(code)
    kind = meaning.kind if meaning is not None else error_of_status(status)
    if kind is NotFound and (meaning is None or status != 404):
        return PROVES_NOTHING
    if meaning is not None:
        return meaning
    # A 403 with another code concerns one action, such as a state; only E0000005 and E0000006 are rights.
    if kind is Unauthorized and status == 403 and code:
        kind = Rejected
    return Meaning(kind, kind.reason)


def _permission_advice(call: Call, answer: Answer) -> str:
    scope = scope_of(call.method, split_url(answer.url).path)
    needs = "an admin role that covers the app (Application Administrator)"
    if not scope:
        return f"the credential needs {needs}"
    return f"the credential needs the scope {scope} and {needs}"


def _words(body: dict[str, Any]) -> Iterable[str]:
    """errorSummary and the summaries of errorCauses, which Okta sends as a list or as one object."""
    if body.get("errorSummary"):
        yield str(body["errorSummary"])
    causes = body.get("errorCauses") or []
    for cause in causes if isinstance(causes, list) else [causes]:
        if isinstance(cause, dict) and cause.get("errorSummary"):
            yield str(cause["errorSummary"])
