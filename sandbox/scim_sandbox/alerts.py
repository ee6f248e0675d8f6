"""Alert expressions evaluated on a metrics page, for the demo: what Prometheus would find on its next scrape.

Reads the chart's own rules, so that what the demo shows is what is shipped. Understands one comparison of a
series with a number, `name{label="value"} > 0`, which the capacity alerts are; promtool judges the rest in
the tests. Says so where an expression is more than that.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from prometheus_client.parser import text_string_to_metric_families

_EXPRESSION = re.compile(
    r"^\s*(?P<name>[a-z_:]+)\s*(?:\{(?P<labels>[^}]*)\})?\s*(?P<op>>=|<=|==|!=|>|<)\s*(?P<bound>[0-9.]+)\s*$"
)
_LABEL = re.compile(r'\s*([a-z_]+)\s*=\s*"([^"]*)"\s*(?:,|$)')
_COMPARE: Mapping[str, Callable[[float, float], bool]] = {
    ">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le,
    "==": operator.eq, "!=": operator.ne,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Sample:
    """One line of a metrics page."""

    name: str
    labels: Mapping[str, str]
    value: float

    def __str__(self) -> str:
        labels = ",".join(f'{name}="{value}"' for name, value in self.labels.items())
        return f"{self.name}{{{labels}}} {self.value:g}"


def read_samples(page: str) -> tuple[Sample, ...]:
    """Every sample of a page in the Prometheus text format."""
    return tuple(
        Sample(sample.name, dict(sample.labels), sample.value)
        for family in text_string_to_metric_families(page)
        for sample in family.samples
    )


def select(samples: tuple[Sample, ...], series: str, /, **labels: str) -> tuple[Sample, ...]:
    """The samples of `series` that have all of `labels`."""
    return tuple(
        sample
        for sample in samples
        if sample.name == series and labels.items() <= dict(sample.labels).items()
    )


def firing(expression: str, samples: tuple[Sample, ...]) -> tuple[Sample, ...]:
    """The samples for which `expression` holds; () means that the alert is quiet.

    Raises ValueError for an expression beyond one series compared with a number.
    """
    found = _EXPRESSION.match(expression)
    if found is None:
        raise ValueError(f"more than one series compared with a number: {expression!r}")
    matchers = found["labels"] or ""
    if _LABEL.sub("", matchers).strip():
        raise ValueError(f"more than one series compared with a number: labels {matchers!r}")
    labels = dict(_LABEL.findall(matchers))
    bound, holds = float(found["bound"]), _COMPARE[found["op"]]
    return tuple(s for s in select(samples, found["name"], **labels) if holds(s.value, bound))
