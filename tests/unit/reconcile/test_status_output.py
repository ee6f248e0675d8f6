"""Which status is written, and how it is made to fit."""

from __future__ import annotations

from typing import Any, get_args

import pytest

from controller.api.kinds import KINDS
from controller.reconcile.status_output import FRESHNESS, SAMPLES


def is_known(model: Any, place: tuple[str, ...]) -> bool:
    """Whether `place` leads to a field of `model`."""
    by_alias = {field.alias: field for field in model.model_fields.values()}
    if place[0] not in by_alias:
        return False
    kind = by_alias[place[0]].annotation
    inner = next((one for one in (kind, *get_args(kind)) if hasattr(one, "model_fields")), None)
    return len(place) == 1 or is_known(inner, place[1:])


@pytest.mark.parametrize("place", [*SAMPLES, *((name,) for name in FRESHNESS)])
def test_what_is_named_by_its_name_is_a_field_of_some_status(place: tuple[str, ...]) -> None:
    assert any(is_known(kind.status, place) for kind in KINDS.values())
