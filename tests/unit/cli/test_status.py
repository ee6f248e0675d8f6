"""What `scimctl status` and `drift` say of changes that wait for a confirmation."""

from __future__ import annotations

import json
from typing import Any

import pytest

from controller.cli import status as look
from controller.cli.options import Shape

WAITS = {
    "total": 1,
    "items": [
        {
            "what": "p1@acme.com",
            "path": "emails[primary]",
            "value": "new@acme.com",
            "since": "2026-03-02T12:00:00Z",
        }
    ],
}
ITEM = {
    "kind": "ScimIntegration",
    "metadata": {"namespace": "team", "name": "calendly"},
    "status": {"unconfirmed": WAITS},
}
LINE = "waits for a confirmation: p1@acme.com emails[primary]: new@acme.com, sent on 2026-03-02"


class FakeView:
    async def all(self, kind: str, name: str = "") -> list[dict[str, Any]]:
        return [ITEM]


async def test_drift_lists_what_waits_beside_what_differs(capsys: pytest.CaptureFixture[str]) -> None:
    view: Any = FakeView()
    assert await look.show_drift(view, "", Shape.TEXT), "it is no drift"
    told = " ".join(capsys.readouterr().out.split())
    assert told == f"Nothing differs. calendly: {LINE}"
    await look.show_drift(view, "", Shape.JSON)
    assert json.loads(capsys.readouterr().out) == {"calendly": {"unconfirmed": WAITS}}


def test_status_lists_what_waits(capsys: pytest.CaptureFixture[str]) -> None:
    look._print_troubles([ITEM])
    told = " ".join(capsys.readouterr().out.split())
    assert told == f"ScimIntegration team/calendly {LINE}"


def resource(kind: str, *conditions: tuple[str, str, str]) -> dict[str, Any]:
    made = [{"type": t, "status": s, "reason": r, "message": f"{r} it is"} for t, s, r in conditions]
    return {"kind": kind, "metadata": {"namespace": "team", "name": "one"}, "status": {"conditions": made}}


class View:
    def __init__(self, *items: dict[str, Any]) -> None:
        self.items = items

    async def all(self, kind: str, name: str = "") -> list[dict[str, Any]]:
        return [item for item in self.items if item["kind"] == kind]


@pytest.mark.parametrize(
    ("ready", "is_well"),
    [
        (("Ready", "True", "Succeeded"), True),
        (("Ready", "Unknown", "Suspended"), True),
        (("Ready", "Unknown", "NotVerified"), False),
        (("Ready", "False", "Unavailable"), False),
    ],
)
async def test_status_fails_for_what_is_not_ready_unless_it_is_suspended(
    ready: tuple[str, str, str], is_well: bool
) -> None:
    view: Any = View(resource("SeatLimit", ready))
    assert await look.show_status(view, Shape.JSON) is is_well


def test_of_what_is_suspended_status_says_so_and_nothing_of_an_earlier_time(
    capsys: pytest.CaptureFixture[str],
) -> None:
    look._print_troubles(
        [resource("ScimIntegration", ("Ready", "Unknown", "Suspended"), ("InSync", "False", "DriftDetected"))]
    )
    told = " ".join(capsys.readouterr().out.split())
    assert told == "ScimIntegration team/one Suspended: Suspended it is"
