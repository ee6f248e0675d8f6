"""A definition that is deleted takes its resources along, and nobody's account."""

from __future__ import annotations

import asyncio

import pytest

from controller.api import FINALIZER
from controller.errors import NotFound
from scim_sandbox.run import install_crds
from tests.flow.conftest import SECONDS, Flow, says

pytestmark = pytest.mark.asyncio(loop_scope="module")
INTEGRATION = ("ScimIntegration", "calendly")
DEFINITION = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/scimintegrations.scim-operator.dev"


async def test_a_definition_that_is_deleted_deprovisions_nobody(flow: Flow) -> None:
    for (kind, _), body in flow.quickstart.items():
        spec = {"deletionPolicy": "Deprovision"}
        await flow.apply(flow.example(kind, spec=spec) if kind == "ScimIntegration" else body)
    await flow.until(*INTEGRATION, says("InSync", "True", "InSync"))
    await flow.until(*INTEGRATION, lambda body: FINALIZER in body["metadata"].get("finalizers", []))
    await flow.begin()
    try:
        await flow.api.delete(DEFINITION)
        await gone(flow)
        assert len([one for one in await flow.provider.people() if one["active"]]) == 40
        assert await flow.okta_writes() == []
    finally:
        await flow.patch("OktaOrg", "acme", {"metadata": {"finalizers": None}})
        # A real API server is shared with other modules, which need the definition again, and whole.
        await flow.until_gone(DEFINITION)
        await install_crds(flow.api)


async def gone(flow: Flow) -> None:
    async with asyncio.timeout(SECONDS):
        while True:
            try:
                await flow.get(*INTEGRATION)
                await asyncio.sleep(0.05)
            except NotFound:
                return
