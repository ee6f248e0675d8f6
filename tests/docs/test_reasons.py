"""Every documented reason is one that the operator can write."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import controller
from controller.reconcile import reasons
from controller.reconcile.reasons import Reason

ROOT = Path(controller.__file__).parent
OPERATOR = "\n".join(
    path.read_text(encoding="utf-8")
    for path in sorted(ROOT.rglob("*.py"))
    if path != Path(reasons.__file__) and not path.is_relative_to(ROOT / "sandbox")
)


@pytest.mark.parametrize("reason", Reason)
def test_the_operator_writes_it(reason: Reason) -> None:
    """Errors and problems carry a reason as text, conditions and events as a member."""
    assert re.search(rf'\bReason\.{reason.name}\b|"{reason.value}"', OPERATOR)
