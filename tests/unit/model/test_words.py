"""Numbers in sentences."""

from __future__ import annotations

import pytest

from controller.model.words import many, many_people


@pytest.mark.parametrize(
    ("count", "told"), [(0, "0 actions wait"), (1, "1 action waits"), (2, "2 actions wait")]
)
def test_a_count_goes_with_its_words(count: int, told: str) -> None:
    assert many(count, "action waits", "actions wait") == told


def test_people() -> None:
    assert (many_people(1), many_people(40)) == ("1 person", "40 people")
