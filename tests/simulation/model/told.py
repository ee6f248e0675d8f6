"""What the operator says: every status and event that it writes, held against the truth of that moment."""

from __future__ import annotations

from typing import Any

from tests.simulation.model.judge import TOLD, Judge
from tests.simulation.model.view import JSON


class Told:
    """Hears of each object that the operator writes into the cluster."""

    def __init__(self, judge: Judge) -> None:
        self._judge = judge

    def wrote(self, at: float, path: str, raw: bytes, body: Any) -> None:
        """The operator has written `body` to `path`."""
        if "/secrets/" in path or not isinstance(body, dict):
            return
        self._secrets(at, path, raw)
        if path.partition("?")[0].endswith("/status"):
            self._status(at, body)

    def _secrets(self, at: float, path: str, raw: bytes) -> None:
        text = raw.decode("utf-8", "replace")
        if any(secret in text for secret in self._judge.secrets):
            self._judge.find("NoCredentialOutsideSecrets", "", at, path)

    def _status(self, at: float, body: JSON) -> None:
        judge, status = self._judge, body.get("status") or {}
        if body.get("kind") == "SeatLimit":
            limit = judge.resources.kinds.get("SeatLimit", {}).get(
                (body["metadata"].get("namespace", ""), body["metadata"]["name"])
            )
            if limit is not None:
                refs = limit["spec"]["integrationRefs"]
                self._seats(at, refs[0]["name"], status.get("seats") or {}, "SeatLimit")
        if body.get("kind") == "ScimIntegration":
            self._seats(at, body["metadata"]["name"], status.get("seats") or {}, "ScimIntegration")

    def _seats(self, at: float, tenant: str, seats: JSON, kind: str) -> None:
        judge = self._judge
        case = judge.cases.get(tenant)
        if judge.has_unread_edits(tenant, at):
            return
        if case is None or case.limit is None or "used" not in seats:
            return
        if not case.writes_freely or at - judge.faulty_at[tenant] < 3 * TOLD:
            return
        if not judge.waiting[tenant].covers(at - TOLD):
            return
        judge.note_seats(case, at)
        known = judge.waiting[tenant].since(at - TOLD)
        least, most = min(low for low, _ in known), max(high for _, high in known)
        said = seats.get("waiting", 0)
        if not least <= said <= most:
            judge.find(
                "WaitingIsToldAsItIs", tenant, at,
                f"{kind} says that {said} wait; for {TOLD / 60:.0f} minutes it was {least}"
                + (f" to {most}" if most != least else ""),
            )  # fmt: skip
        used = judge.used[tenant].since(at - TOLD)
        if not min(used) <= seats["used"] <= max(used):
            judge.find(
                "UsedSeatsAreToldAsTheyAre", tenant, at,
                f"{kind} says that {seats['used']} seats are used; it was {min(used)} to {max(used)}",
            )  # fmt: skip
