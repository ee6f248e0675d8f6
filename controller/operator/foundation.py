"""What every part of an operator's process stands on: the API server, the clock, the metrics."""

from __future__ import annotations

from dataclasses import dataclass

from controller.clock import Clock
from controller.kube.client import ApiServer
from controller.metrics import Metrics


@dataclass(frozen=True, slots=True)
class Ground:
    """Made by startup, handed down."""

    kubeconfig: str
    api: ApiServer
    clock: Clock
    metrics: Metrics
