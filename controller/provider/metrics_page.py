"""The provider's own metrics in the Prometheus text format, on a port of their own: they name organizations.

Run by cli.serve next to the provider; nobody outside reaches that port.
"""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Gauge, Metric, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from controller.clock import Clock, parse_rfc3339
from controller.http_server import Door
from controller.provider.bugs import note_bug
from controller.provider.database import Database
from controller.provider.documents import moment_text
from controller.provider.http import Guards
from controller.provider.lockout import AdminOutlook, admin_outlooks
from controller.provider.outages import Refusal

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class MetricsPage:
    """The ASGI application: GET /metrics."""

    def __init__(self, database: Database, door: Door, clock: Clock) -> None:
        self._database, self._door, self._clock = database, door, clock
        self._app = Starlette(routes=[Route("/metrics", self._show)], middleware=[Middleware(Guards)])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one scrape."""
        await self._app(scope, receive, send)

    async def _show(self, _: Request) -> Response:
        return Response(await self.render(), media_type=CONTENT_TYPE)

    async def render(self) -> bytes:
        """The page; without the database's part while that does not answer."""
        registry = CollectorRegistry()
        outlooks: dict[str, AdminOutlook] = {}
        try:
            now = moment_text(self._clock)
            outlooks = await self._database.read(lambda unit: admin_outlooks(unit, now), lane="metrics")
        except Refusal:
            pass  # shown by the gauge
        except Exception as error:
            note_bug(error, "a scrape")
        _database_up(registry, self._database)
        _admin_tokens(registry, outlooks)
        registry.register(_Connections(self._door))
        return generate_latest(registry)


def _database_up(registry: CollectorRegistry, database: Database) -> None:
    gauge = Gauge(
        "scim_provider_database_up",
        "1 while the database takes writes, 0 after one was refused.",
        registry=registry,
    )
    gauge.set(0 if database.health.problem is not None else 1)


def _admin_tokens(registry: CollectorRegistry, outlooks: dict[str, AdminOutlook]) -> None:
    alive = Gauge(
        "scim_provider_admin_tokens",
        "Living admin tokens of an organization; with none, nobody can issue tokens.",
        ["organization"],
        registry=registry,
    )
    ends = Gauge(
        "scim_provider_admin_token_expiry_timestamp_seconds",
        "When the last admin token of an organization expires; absent if one never does.",
        ["organization"],
        registry=registry,
    )
    for org_id, outlook in outlooks.items():
        alive.labels(org_id).set(outlook.alive)
        if outlook.ends is not None:
            ends.labels(org_id).set(parse_rfc3339(outlook.ends).timestamp())


class _Connections:
    """What the door of the provider counts."""

    def __init__(self, door: Door) -> None:
        self._door = door

    def collect(self) -> Iterator[Metric]:
        """The families of a scrape."""
        yield GaugeMetricFamily(
            "scim_provider_connections", "Connections that are open.", value=self._door.connections
        )
        refused = CounterMetricFamily(
            "scim_provider_requests_refused",
            "Requests and connections that ended at a limit before they were read.",
            labels=["limit"],
        )
        for limit, number in sorted(self._door.refused.items()):
            refused.add_metric([limit], number)
        yield refused
