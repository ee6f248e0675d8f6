"""Reading half of the people must never cost anybody an account."""

from __future__ import annotations

import pytest

from tests.flow.conftest import Flow, condition, says

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("truncate", ("InSync", "False", "ReadIncomplete")),
        ("html", ("InSync", "Unknown", "DriftUnknown")),
        ("disconnect", ("InSync", "Unknown", "DriftUnknown")),
    ],
)
async def test_half_a_listing_takes_no_account_away(
    flow: Flow, fault: str, expected: tuple[str, str, str]
) -> None:
    await flow.apply_quickstart()
    await flow.until("ScimIntegration", "calendly", says("InSync", "True", "InSync"))
    await flow.fault(fault, "/api/v1/apps/*/users*", method="GET")
    try:
        await flow.annotate("ScimIntegration", "calendly", requested_at=fault)
        body = await flow.until("ScimIntegration", "calendly", says(*expected))
        assert len([one for one in await flow.provider.people() if one["active"]]) == 40
        assert expected[2] == "ReadIncomplete" or condition(body, "Ready")["status"] == "False"
    finally:
        await flow.mend()
    await flow.reconcile()
    await flow.until("ScimIntegration", "calendly", says("InSync", "True", "InSync"))
