"""What the reconciler wants of Okta beside a run: the id behind a login, and who follows the log.

Called by the reconciler. Where the connector is not the real one (tests of the wiring) there is neither.
"""

from __future__ import annotations

from dataclasses import replace

from controller.api.okta_org import OktaOrgSpec
from controller.model.actual import Memory
from controller.model.people import OktaId
from controller.operator.log_poller import Orgs
from controller.planning.base.inputs import Inputs, Resource
from controller.planning.desired.references import check_references
from controller.reconcile.report import Report
from controller.targets.base import Credentials
from controller.targets.connect import TargetConnector


class OktaSide:
    """Okta through the process's connector."""

    def __init__(self, connector: TargetConnector | None, orgs: Orgs) -> None:
        self._connector, self._orgs = connector, orgs

    async def find_user(self, inputs: Inputs, credentials: Credentials, login: str) -> str:
        """The Okta id behind `login`, "" if Okta knows nobody by it. Raises what a run would raise if the
        integration may not use its org, or the org's credential may not be sent to its URL."""
        if self._connector is None:
            return ""
        org = check_references(inputs)
        opened = await self._connector.open_org(org, credentials, inputs.config_maps)
        user = await opened.client.user_of(login)
        return str(user.get("id", "")) if user is not None else ""

    def follow(self, key: str, org: Resource[OktaOrgSpec] | None, report: Report) -> None:
        """From now on `key` hears of what happens in its org."""
        if self._connector is None or org is None or report.actual is None:
            return
        # Opened by the run. One that was deleted since is not opened again.
        opened = self._connector.opened_org(org.namespace, org.name)
        if opened is not None:
            self._orgs.use(key, opened, report)

    def informed(self, key: str, memory: Memory) -> Memory:
        """`memory` with what the System Log has told of Okta's pushes and of sign-ins since it was stored."""
        told, signed_in = self._orgs.told(key), self._orgs.signed_in(key)
        if signed_in:
            days = {OktaId(okta_id): day for okta_id, day in signed_in.items()}
            memory = replace(memory, sign_ins={**memory.sign_ins, **days})
        if not told.failures and told.trouble is None:
            return memory
        failures = {**memory.failures, **{OktaId(okta_id): why for okta_id, why in told.failures.items()}}
        return replace(
            memory,
            failures={okta_id: why for okta_id, why in failures.items() if why},
            trouble=memory.trouble if told.trouble is None else told.trouble,
        )

    def forget(self, key: str) -> None:
        """`key` is gone or suspended."""
        self._orgs.forget(key)
