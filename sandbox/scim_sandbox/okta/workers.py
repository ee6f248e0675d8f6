"""What goes on in an org while nobody calls: the provisioning agent and the delivery of event hooks.

Started by app's lifespan, or by `async with running(org)`; tests that want each step by hand call
Agent.run_due and Deliveries.deliver themselves.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from scim_sandbox.okta.agent import Agent
from scim_sandbox.okta.hooks import Deliveries
from scim_sandbox.okta.outbound import Outbound
from scim_sandbox.okta.store import Org

LONGEST_NAP_SECONDS = 1.0

log = logging.getLogger(__name__)


@asynccontextmanager
async def running(org: Org) -> AsyncIterator[None]:
    """The org with its workers; gives it a way out to the network where it has none."""
    outbound = Outbound(org.clock)
    if org.send is None:
        org.send = outbound
    workers = asyncio.create_task(_work(org))
    try:
        yield
    finally:
        workers.cancel()
        with suppress(asyncio.CancelledError):
            await workers
        if org.send is outbound:
            org.send = None
        await outbound.aclose()


async def _work(org: Org) -> None:
    assert org.send is not None
    agent, deliveries, woken = Agent(org, org.send), Deliveries(org, org.send), asyncio.Event()
    org.wake.append(woken.set)
    try:
        while True:
            woken.clear()
            try:
                await agent.run_due()
                await deliveries.deliver()
            except Exception:
                log.exception("a worker of the simulated Okta failed")
            with suppress(TimeoutError):
                await asyncio.wait_for(woken.wait(), _nap(org, agent))
    finally:
        org.wake.remove(woken.set)
        deliveries.close()


def _nap(org: Org, agent: Agent) -> float | None:
    """Until the next task is due, a second at most, since clocks can be moved; None: nothing waits."""
    due = agent.next_due()
    if due is None:
        return None
    return min(LONGEST_NAP_SECONDS, max(0.05, due - org.clock.monotonic()))
