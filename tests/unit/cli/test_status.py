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
