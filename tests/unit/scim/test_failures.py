"""Errors of SCIM providers, and the dialects in which a lack of seats is told."""

from __future__ import annotations

from typing import Any

import pytest

from controller.errors import Conflict, NotFound, Rejected, RemoteError, Unauthorized, Unavailable
from controller.scim.failures import ForeignNotFound, SeatsExhausted, read_error
from controller.transport.calls import Answer, Call
from scim_sandbox.presets import OVER_CAPACITY

POST = Call("POST", "/Users", "/Users")
GET = Call("GET", "/Users", "/Users")


def error(call: Call, status: int, body: Any) -> Any:
    return read_error(call, Answer(status, {}, body, "https://scim.example/Users", text="raw"))


def scim(detail: str, scim_type: str = "") -> dict[str, Any]:
    found = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"], "detail": detail}
    return {**found, **({"scimType": scim_type} if scim_type else {})}


@pytest.mark.parametrize(
    ("call", "status", "body", "kind"),
    [
        (GET, 401, scim("bad token"), Unauthorized),
        (GET, 403, scim("not for you"), Unauthorized),
        (POST, 403, scim("protected account"), Rejected),
        (POST, 409, scim("taken", "uniqueness"), Conflict),
        (POST, 400, scim("taken", "uniqueness"), Conflict),
        (POST, 400, scim("bad value", "invalidValue"), Rejected),
        (GET, 404, scim("gone"), NotFound),
        (GET, 404, {**scim("gone"), "status": "404"}, NotFound),
        (GET, 404, {**scim("gone"), "status": "500"}, ForeignNotFound),
        (GET, 404, {"status": 404, "detail": "Resource not found"}, ForeignNotFound),
        (GET, 404, {"schemas": "Error", "detail": "x"}, ForeignNotFound),
        (GET, 410, None, ForeignNotFound),
        (GET, 412, None, Conflict),
        (GET, 500, None, Unavailable),
        (POST, 501, scim("no"), Unavailable),
    ],
)
def test_a_status_says_what_happens_next(call: Call, status: int, body: Any, kind: type[RemoteError]) -> None:
    found = error(call, status, body)
    assert found is not None
    assert type(found) is kind and found.status == status
    if body:
        assert body["detail"] in found.message and found.code == body.get("scimType", "")


SPOKEN = {
    name: setting
    for name, setting in OVER_CAPACITY.items()
    if setting.get("mode") == "reject" and setting.get("detail")
}


@pytest.mark.parametrize("name", sorted(SPOKEN))
def test_services_that_have_no_seat_left_are_understood(name: str) -> None:
    setting = SPOKEN[name]
    detail = setting["detail"].replace("{purchased}", "50")
    body = scim(detail, setting.get("scimType", "")) if setting.get("body") != "json" else {"message": detail}
    assert isinstance(error(POST, setting.get("status", 403), body), SeatsExhausted)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (403, scim("Your organization is over capacity: 50 of 50 seats are used. Contact support.")),
        (403, scim("x", "userLimitReached")),
        (402, None),
        (400, {"error": {"message": "Insufficient licenses"}}),
        (429, scim("No seats available.")),
        (403, scim("You have reached the maximum number of users of your plan")),
    ],
)
def test_other_words_for_no_seat_are_understood(status: int, body: Any) -> None:
    assert isinstance(error(POST, status, body), SeatsExhausted)


@pytest.mark.parametrize(
    ("call", "status", "body"),
    [
        (GET, 403, scim("over capacity")),
        (POST, 400, scim("the attribute seatingChart is unknown")),
        (POST, 403, scim("You cannot deactivate the owner")),
        (POST, 409, scim("a user with this userName exists")),
        (POST, 500, scim("no seats")),
    ],
)
def test_other_refusals_are_not_taken_for_a_lack_of_seats(call: Call, status: int, body: Any) -> None:
    assert not isinstance(error(call, status, body), SeatsExhausted)


def test_a_plain_429_is_left_to_the_session() -> None:
    assert error(POST, 429, scim("slow down")) is None
