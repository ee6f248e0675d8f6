"""The error tree: what happens next is told by the class."""

from __future__ import annotations

import pytest

from controller.errors import (
    Conflict,
    ControllerError,
    NotFound,
    RateLimited,
    Rejected,
    RemoteError,
    SpecError,
    Unauthorized,
    Unavailable,
    Waiting,
    clip,
)


def test_a_message_is_one_bounded_line() -> None:
    assert clip("a\n b\t c") == "a b c"
    assert clip("x" * 2000) == "x" * 1023 + "…"


def test_a_spec_error_leads_with_the_field() -> None:
    error = SpecError("no such app", field="spec.okta.app.label", kind="ScimIntegration", name="calendly")
    assert error.message == "spec.okta.app.label: no such app"
    assert (error.reason, error.kind, error.name) == ("InvalidSpec", "ScimIntegration", "calendly")


def test_a_reason_can_be_narrowed() -> None:
    assert Waiting("no Secret", reason="SecretNotFound").reason == "SecretNotFound"


@pytest.mark.parametrize("kind", [Unavailable, Unauthorized, Rejected, NotFound, Conflict])
def test_remote_errors_keep_where_and_what(kind: type[RemoteError]) -> None:
    error = kind("no", system="Okta", status=404, code="E0000007", request_id="r1")
    assert (error.system, error.status, error.code, error.request_id) == ("Okta", 404, "E0000007", "r1")
    assert isinstance(error, ControllerError)


def test_what_concerns_one_action_is_a_rejection() -> None:
    assert issubclass(NotFound, Rejected) and issubclass(Conflict, Rejected)
    assert not issubclass(Unavailable, Rejected)


def test_a_rate_limit_says_how_long() -> None:
    error = RateLimited("slow down", system="SCIM", retry_after_seconds=12.0)
    assert (error.status, error.retry_after_seconds) == (429, 12.0)
