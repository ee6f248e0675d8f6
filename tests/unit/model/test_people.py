"""What Okta's statuses mean, and what a run looks at."""

from __future__ import annotations

import pytest

from controller.model.people import EVERYTHING, STATE_OF_OKTA_STATUS, OktaId, PersonState, Refresh

MEANING = (
    ("STAGED", PersonState.NOT_YET_ACTIVE),
    ("PROVISIONED", PersonState.NOT_YET_ACTIVE),
    ("ACTIVE", PersonState.ACTIVE),
    ("RECOVERY", PersonState.ACTIVE),
    ("PASSWORD_EXPIRED", PersonState.ACTIVE),
    ("LOCKED_OUT", PersonState.ACTIVE),
    ("SUSPENDED", PersonState.SUSPENDED),
    ("DEPROVISIONED", PersonState.DEACTIVATED),
)


@pytest.mark.parametrize(("status", "state"), MEANING)
def test_each_status_of_okta_has_one_meaning(status: str, state: PersonState) -> None:
    assert STATE_OF_OKTA_STATUS[status] is state
    assert len(STATE_OF_OKTA_STATUS) == len(MEANING)


def test_a_scope_is_everybody_or_the_people_named() -> None:
    assert EVERYTHING.is_complete
    assert not Refresh(frozenset({OktaId("00u1")})).is_complete
    assert not Refresh(frozenset()).is_complete
