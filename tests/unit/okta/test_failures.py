"""Okta's error codes, each with the class that says what happens next."""

from __future__ import annotations

from typing import Any

import pytest

from controller.errors import Conflict, NotFound, Rejected, RemoteError, Unauthorized, Unavailable
from controller.okta.failures import read_error
from controller.transport.calls import Answer, Call

CALL = Call("GET", "/api/v1/apps/0oa1/users", "/api/v1/apps/{id}/users")
WRITE = Call("POST", "/api/v1/meta/schemas/apps/0oa1/default", "/api/v1/meta/schemas/apps/{id}/default")


def error(status: int, code: str, call: Call = CALL, **more: Any) -> RemoteError:
    body = {"errorCode": code, "errorSummary": "Summary.", "errorId": "oae1", "errorCauses": [], **more}
    headers = more.pop("headers", {})
    answer = Answer(status, headers, body, "https://acme.okta.com" + call.path)
    found = read_error(call, answer)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("status", "code", "kind", "reason"),
    [
        (400, "E0000001", Rejected, "Invalid"),
        (400, "E0000003", Rejected, "Invalid"),
        (401, "E0000004", Unauthorized, "CredentialsRejected"),
        (401, "E0000011", Unauthorized, "CredentialsRejected"),
        (403, "E0000005", Unauthorized, "MissingPermission"),
        (403, "E0000006", Unauthorized, "MissingPermission"),
        (404, "E0000007", NotFound, "NotFound"),
        (404, "E0000008", NotFound, "NotFound"),
        (500, "E0000009", Unavailable, "Unavailable"),
        (503, "E0000010", Unavailable, "ReadOnlyMode"),
        (401, "E0000015", Rejected, "FeatureNotEnabled"),
        (405, "E0000022", Rejected, "Unsupported"),
        (403, "E0000023", Rejected, "MasteredElsewhere"),
        (403, "E0000039", Rejected, "AppSettings"),
        (403, "E0000046", Rejected, "DeactivationRefused"),
        (400, "E0000059", Rejected, "ConnectionTestFailed"),
        (409, "E0000062", Conflict, "AlreadyAssigned"),
        (403, "E0000075", Rejected, "AttributeIsMapped"),
        (503, "E0000100", Unavailable, "SearchUnavailable"),
        (403, "E0000107", Rejected, "WrongState"),
        (409, "E0000195", Unavailable, "ChangedMeanwhile"),
        (403, "E0000999", Rejected, "Rejected"),
        (418, "E0000999", Rejected, "Rejected"),
        (404, "E0000999", Unavailable, "Unavailable"),
        (500, "E0000007", Unavailable, "Unavailable"),
        (410, "E0000008", Unavailable, "Unavailable"),
    ],
)
def test_a_code_says_what_happens_next(status: int, code: str, kind: type[RemoteError], reason: str) -> None:
    found = error(status, code)
    assert type(found) is kind and found.reason == reason
    assert (found.code, found.request_id, found.status) == (code, "oae1", status)
    assert code in found.message and "oae1" in found.message


def test_a_missing_permission_names_scope_and_role() -> None:
    assert "okta.apps.read" in error(403, "E0000006").message
    words = error(403, "E0000006", WRITE).message
    assert "okta.schemas.manage" in words and "Application Administrator" in words


def test_an_insufficient_scope_is_known_by_its_challenge() -> None:
    headers = {"www-authenticate": 'Bearer error="insufficient_scope"'}
    found = error(403, "E0000999", headers=headers)
    assert found.reason == "MissingPermission"


@pytest.mark.parametrize("causes", [[{"errorSummary": "name: taken"}], {"errorSummary": "name: taken"}])
def test_causes_are_told_as_a_list_and_as_an_object(causes: Any) -> None:
    assert "Summary.; name: taken" in error(400, "E0000001", errorCauses=causes).message


@pytest.mark.parametrize("body", [None, [], "text", {"errorCauses": "odd"}])
def test_a_body_of_another_form_still_gives_an_error(body: Any) -> None:
    found = read_error(CALL, Answer(502, {}, body, "https://acme.okta.com/x", text="(an HTML page)"))
    assert isinstance(found, Unavailable)


def test_429_is_left_to_the_session() -> None:
    assert read_error(CALL, Answer(429, {}, {"errorCode": "E0000047"}, "https://acme.okta.com/x")) is None
