"""Okta's errors: code -> status and words. Raised by every handler, turned into an answer by app.

A client must branch on `errorCode`; the words follow developer.okta.com/docs/reference/error-codes.
"""

from __future__ import annotations

from typing import Any

STATUS: dict[str, int] = {
    "E0000001": 400, "E0000002": 400, "E0000003": 400, "E0000004": 401, "E0000005": 403, "E0000006": 403,
    "E0000007": 404, "E0000008": 404, "E0000009": 500, "E0000010": 503, "E0000011": 401, "E0000015": 401,
    "E0000022": 405, "E0000024": 400, "E0000031": 400, "E0000039": 403, "E0000041": 400, "E0000045": 400,
    "E0000046": 403, "E0000047": 429, "E0000053": 400, "E0000059": 400, "E0000060": 400, "E0000062": 409,
    "E0000075": 403, "E0000076": 403, "E0000077": 403, "E0000078": 403, "E0000081": 403, "E0000094": 400,
    "E0000100": 503, "E0000107": 403, "E0000195": 409,
}  # fmt: skip
SUMMARY: dict[str, str] = {
    "E0000002": "The request was not valid",
    "E0000003": "The request body was not well-formed.",
    "E0000004": "Authentication failed",
    "E0000005": "Invalid session",
    "E0000006": "You do not have permission to perform the requested action",
    "E0000009": "Internal Server Error",
    "E0000010": "Service is in read only mode",
    "E0000011": "Invalid token provided",
    "E0000015": "You do not have permission to access the feature you are requesting",
    "E0000022": "The endpoint does not support the provided HTTP method",
    "E0000024": "Bad request. Accept and/or Content-Type headers likely do not match supported values.",
    "E0000039": "Operation on application settings failed.",
    "E0000041": "Credentials should not be set on this resource based on the scheme.",
    "E0000046": "You do not have permission to deactivate this application user.",
    "E0000047": "API call exceeded rate limit due to too many requests.",
    "E0000053": "Invalid filter",
    "E0000059": "The connector configuration could not be tested. Make sure that the URL, Authentication"
    " Parameters are correct and that there is an implementation available at the URL provided.",
    "E0000062": "The given user is already assigned to the application.",
    "E0000075": "Cannot modify the attribute because it has a field mapping and profile push is enabled.",
    "E0000077": "Cannot modify the attribute because it is read-only.",
    "E0000078": "Cannot modify the attribute because it is immutable.",
    "E0000081": "Cannot modify the attribute because it is a reserved attribute for this application.",
    "E0000094": "This operation is not supported on this filter.",
    "E0000100": "Service is unavailable, search is not available",
    "E0000107": "This operation is not allowed in the user's current status.",
    "E0000195": "Update failed because another request is modifying the same resource. Try again.",
}


class OktaProblem(Exception):
    """An answer that is an error. `causes` are sentences, each an ErrorCause of the answer."""

    def __init__(self, code: str, summary: str = "", *causes: str, status: int = 0) -> None:
        self.code, self.causes = code, causes
        self.summary = summary or SUMMARY[code]
        self.status = status or STATUS[code]
        self.headers: dict[str, str] = {}
        super().__init__(f"{code}: {self.summary} {'; '.join(causes)}")

    def body(self, error_id: str) -> dict[str, Any]:
        """The Error object of the OpenAPI document."""
        return {
            "errorCode": self.code,
            "errorSummary": self.summary,
            "errorLink": self.code,
            "errorId": error_id,
            "errorCauses": [{"errorSummary": cause} for cause in self.causes],
        }


def invalid(field: str, cause: str) -> OktaProblem:
    """400 E0000001 about one field of the request."""
    return OktaProblem("E0000001", f"Api validation failed: {field}", f"{field}: {cause}")


def missing(resource: str, kind: str) -> OktaProblem:
    """404 E0000007 naming the id and the kind, as Okta words it."""
    return OktaProblem("E0000007", f"Not found: Resource not found: {resource} ({kind})")
