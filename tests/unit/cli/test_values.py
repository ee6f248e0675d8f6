"""The chart's README: a row for each value, with the comment above it."""

from __future__ import annotations

import yaml

from controller.cli.values import CHART, chart_readme

README = chart_readme()["charts/scim-operator/README.md"]


def rows() -> dict[str, tuple[str, str]]:
    """Path of a value -> its default and its meaning."""
    cells = [line.strip("| ").split(" | ") for line in README.splitlines() if line.startswith("| `")]
    return {path.strip("`"): (rest[0], rest[1] if len(rest) > 1 else "") for path, *rest in cells}


def test_a_value_has_its_default_and_the_comment_above_it() -> None:
    default, meaning = rows()["crds.keep"]
    assert default == "`true`"
    assert meaning == "Leave them, and with them every resource, when the release is uninstalled."
    assert rows()["operator.resources.limits"][0] == '`{"memory": "512Mi"}`'


def test_comments_of_several_lines_are_one_sentence() -> None:
    assert "[] is every Secret of the watched namespaces: RBAC selects Secrets by name" in README


def test_every_value_at_the_top_is_there() -> None:
    names = {path.partition(".")[0] for path in rows()}
    assert names == set(yaml.safe_load((CHART / "values.yaml").read_text()))
