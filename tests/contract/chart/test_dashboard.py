"""The dashboard as Grafana reads it; that its queries have data is tested on a real Prometheus."""

from __future__ import annotations

import itertools
import json
import re
from typing import Any

from controller.metrics import Metrics
from tests.contract.chart.rendering import CHART, OBSERVED, of_kind, render

BOARD: dict[str, Any] = json.loads((CHART / "files" / "dashboard.json").read_text())


def test_panels_have_ids_of_their_own_and_do_not_lie_on_each_other() -> None:
    panels = BOARD["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    for one, other in itertools.combinations([panel["gridPos"] for panel in panels], 2):
        is_beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        assert is_beside or one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert one["x"] + one["w"] <= 24


def test_queries_ask_for_metrics_that_exist_and_the_data_source_that_is_chosen() -> None:
    metrics = list(Metrics().registry.collect())
    names = {family.name for family in metrics} | {f"{family.name}_total" for family in metrics}
    names |= {f"{family.name}_bucket" for family in metrics if family.type == "histogram"}
    for panel in BOARD["panels"]:
        assert panel["datasource"]["uid"] == "${datasource}"
        for target in panel["targets"]:
            assert set(re.findall(r"scim_operator_\w+", target["expr"])) <= names, panel["title"]


def test_grafana_finds_it_by_the_label_of_its_sidecar() -> None:
    (config_map,) = [
        m for m in of_kind(render(OBSERVED), "ConfigMap") if "dashboard" in m["metadata"]["name"]
    ]
    assert config_map["metadata"]["labels"]["grafana_dashboard"] == "1"
    assert json.loads(config_map["data"]["scim-operator.json"]) == BOARD
