"""Metrics follow the naming rules of Prometheus and never carry a person as a label."""

from __future__ import annotations

from controller.metrics import Metrics

PERSONAL = {"login", "email", "user", "user_name", "person"}


def test_names_bear_the_prefix_and_a_unit() -> None:
    for family in Metrics().registry.collect():
        assert family.name.startswith("scim_operator_")
        assert family.documentation.endswith(".")
        if "duration" in family.name:
            assert family.name.endswith("_seconds")


def test_no_label_is_a_person() -> None:
    for name, metric in vars(Metrics()).items():
        labels = set(getattr(metric, "_labelnames", ()))
        assert not labels & PERSONAL, name


def test_two_sets_share_nothing() -> None:
    first, second = Metrics(), Metrics()
    first.queue_depth.set(3)
    assert b"scim_operator_queue_depth 3.0" in first.render()
    assert b"scim_operator_queue_depth 0.0" in second.render()
