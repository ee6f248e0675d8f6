"""Alert expressions on a metrics page."""

from __future__ import annotations

import pytest

from scim_sandbox.alerts import Sample, firing, read_samples, select
from scim_sandbox.demo_scenes import ALERTS, alert_expression

PAGE = """\
# TYPE seats gauge
seats{name="a",state="waiting"} 2
seats{name="b",state="waiting"} 0
seats{name="a",state="available"} 0
# TYPE done counter
done_total{kind="x"} 3
"""
SAMPLES = read_samples(PAGE)


def test_samples_are_read_with_their_labels() -> None:
    assert Sample("done_total", {"kind": "x"}, 3.0) in SAMPLES
    assert str(SAMPLES[0]) == 'seats{name="a",state="waiting"} 2'


def test_select_takes_every_label_that_is_named() -> None:
    assert [s.value for s in select(SAMPLES, "seats", state="waiting")] == [2.0, 0.0]
    assert select(SAMPLES, "seats", name="c") == ()


@pytest.mark.parametrize(
    ("expression", "names"),
    [
        ('seats{state="waiting"} > 0', ["a"]),
        ('seats{state="waiting"} >= 0', ["a", "b"]),
        ('seats{state="available", name="a"} == 0', ["a"]),
        ('seats{state="waiting"} < 1', ["b"]),
        ('seats{state="waiting"} <= 2', ["a", "b"]),
        ('seats{state="waiting"} != 0', ["a"]),
        ("nothing > 0", []),
    ],
)
def test_an_alert_fires_for_the_series_of_which_it_is_true(expression: str, names: list[str]) -> None:
    assert [sample.labels["name"] for sample in firing(expression, SAMPLES)] == names


@pytest.mark.parametrize(
    "expression", ["rate(done_total[5m]) > 0", "a / b > 1", "seats", 'seats{state=~"x"} > 0']
)
def test_an_expression_beyond_that_is_refused_and_never_taken_for_quiet(expression: str) -> None:
    with pytest.raises(ValueError, match="more than one series"):
        firing(expression, SAMPLES)


@pytest.mark.parametrize("name", ALERTS)
def test_the_alerts_of_the_demo_are_the_charts_own_and_understood(name: str) -> None:
    assert firing(alert_expression(name), ()) == ()
