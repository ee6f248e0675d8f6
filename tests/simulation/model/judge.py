"""The judge of a world: hears every write, looks at the servers after each, and says what must not be.

What it knows comes from the public HTTP of the servers and from what went over the wire. Each invariant has a
name and a bound; see docs/testing.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

from tests.simulation.model.history import Past
from tests.simulation.model.truth import NO, Case, cases
from tests.simulation.model.view import (
    JSON,
    Account,
    Ask,
    Okta,
    Resources,
    fold,
    read_accounts,
    read_okta,
    read_resources,
)

STALE = 45 * 60.0
"""A write may rest on what was so within this time: a run waits that long for its share of a rate limit."""
SPEC_GRACE = 20 * 60.0
"""A run that began under an older spec is over after this time."""
APPROVED = 3 * 3600.0
"""What was approved is written within this time; faults and windows may delay it."""
RUN_SECONDS = 10 * 60.0
"""A run that has begun in a window may go on after it."""
TOLD = 10 * 60.0
"""What a status says when it is written was true within this time."""
ALWAYS = frozenset({
    "NobodyIsDeactivatedWithoutCause", "RemovalsStayBelowTheSafeguard", "NobodyWhoLeftGetsIn", "NothingIsDoubled",
    "NeverMoreAccountsThanSeats", "NoAccountChangesItsOwner", "NoAccountIsTakenOver", "NothingIsWrittenInObserve",
    "NothingIsWrittenWhileSuspended", "NothingIsWrittenWithoutApproval", "NothingIsWrittenOutsideWindows",
    "NeverTwoWriters", "NoCredentialOutsideSecrets", "TheSimulationItself",
})  # fmt: skip
"""What must hold at every moment. The others say how soon, and in what state, a world comes to rest."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that must not be."""

    invariant: str
    tenant: str
    at: float
    message: str


@dataclass(slots=True)
class Write:
    """One write that a server has carried out."""

    at: float
    source: str
    host: str
    method: str
    path: str
    body: Any
    status: int
    answer: Any

    @property
    def is_operators(self) -> bool:
        return self.source.startswith("operator")


class Judge:
    """Keeps the present picture and the past that matters; `findings` are what is wrong."""

    def __init__(self, ask: Ask, tenants: Iterable[str], secrets: Iterable[str]) -> None:
        self.ask, self.tenants = ask, tuple(tenants)
        self.secrets = tuple(secrets)
        self.findings: list[Finding] = []
        self._known: set[tuple[str, str]] = set()
        self._pending: list[Callable[[], None]] = []
        """What is judged after the next look, since the operator may have seen a change before the judge."""
        self.okta, self.resources = Okta(), Resources()
        self.cases: dict[str, Case] = {}
        self.accounts: dict[str, dict[str, Account]] = {name: {} for name in self.tenants}
        self.purchased: dict[str, int] = dict.fromkeys(self.tenants, 0)
        self.entitled: dict[tuple[str, str], Past[str]] = {}
        self.names: dict[tuple[str, str], Past[str]] = {}
        self.waiting: dict[str, Past[tuple[int, int]]] = {name: Past() for name in self.tenants}
        self.used: dict[str, Past[int]] = {name: Past() for name in self.tenants}
        self.specs: dict[str, Past[str]] = {name: Past() for name in self.tenants}
        self._bodies: dict[str, JSON] = {}
        self.approved_at: dict[str, float] = {}
        self.by_hand_at: dict[str, float] = dict.fromkeys(self.tenants, -1e9)
        """When somebody last changed something at the provider by hand."""
        self.faulty_at: dict[str, float] = dict.fromkeys(self.tenants, -1e9)
        """When a fault last struck a call of this tenant or of what it needs."""
        self.by_hand: set[tuple[str, str]] = set()
        """Accounts that somebody has activated by hand."""
        self.removed: dict[str, dict[str, float]] = {name: {} for name in self.tenants}
        self.listings: dict[str, list[float]] = {name: [] for name in self.tenants}
        """When the operator has read all accounts of a tenant: what a small run never does."""
        self.renamed: set[tuple[str, str]] = set()
        """Groups that somebody has renamed by hand, by their new name."""
        self.had: dict[str, set[str]] = {name: set() for name in self.tenants}
        self.last_write: dict[str, float] = dict.fromkeys(self.tenants, -1e9)

    def find(self, invariant: str, tenant: str, at: float, message: str) -> None:
        """Notes a finding, each invariant once for a tenant."""
        if (invariant, tenant) not in self._known:
            self._known.add((invariant, tenant))
            self.findings.append(Finding(invariant, tenant, at, message))

    def listed(self, tenant: str, at: float) -> None:
        """The operator was given all accounts of `tenant`."""
        self.listings[tenant].append(at)

    def has_unread_edits(self, tenant: str, at: float) -> bool:
        """Whether somebody has changed something at the provider by hand that the operator, which has last
        read all accounts before, cannot know yet."""
        return self.by_hand_at[tenant] > max((one for one in self.listings[tenant] if one < at), default=-1e9)

    # -- looking ---------------------------------------------------------------------------------------------

    async def look(self, at: float, *, tenants: Iterable[str] = (), org: bool = True) -> None:
        """Reads the cluster, with `org` Okta, and the accounts of `tenants`."""
        self.resources = await read_resources(self.ask)
        if org:
            self.okta = await read_okta(self.ask)
        for name in tenants:
            before = self.accounts[name]
            self.accounts[name], organization = await read_accounts(self.ask, name)
            self._note_hands(name, before)
            self.purchased[name] = organization["seats"]["purchased"]
        self.cases = cases(self.resources, self.okta)
        self._remember(at)

    def _note_hands(self, tenant: str, before: dict[str, Account]) -> None:
        """Who is active now without a write of the operator, was activated by hand."""
        for scim_id, account in self.accounts[tenant].items():
            was = before.get(scim_id)
            if account.active and was is not None and not was.active:
                self.by_hand.add((tenant, scim_id))
            elif not account.active:
                self.by_hand.discard((tenant, scim_id))

    def _remember(self, at: float) -> None:
        for case in self.cases.values():
            self.fill(case)
            spec = repr((case.spec.get("mode"), case.spec.get("suspend"), case.spec.get("windows")))
            self.specs[case.name].note(at, spec)
            self._bodies[spec] = case.spec
            for okta_id, value in case.entitled.items():
                self.entitled.setdefault((case.name, okta_id), Past()).note(at, value)
            for (tenant, okta_id), past in self.entitled.items():
                if tenant == case.name and okta_id not in case.entitled:  # deleted in Okta
                    past.note(at, NO)
            for okta_id, name in case.names.items():
                self.names.setdefault((case.name, okta_id), Past()).note(at, name)
            self.note_seats(case, at)
        pending, self._pending = self._pending, []
        for check in pending:
            check()

    def note_seats(self, case: Case, at: float) -> None:
        """Who waits and how many seats are used, after the latest write as well."""
        self.fill(case)
        self.waiting[case.name].note(at, case.waiting())
        self.used[case.name].note(at, case.used)

    def fill(self, case: Case) -> Case:
        """`case` with the accounts as they are known now."""
        case.accounts, case.purchased = self.accounts[case.name], self.purchased[case.name]
        case.used = case.active()
        had = self.had[case.name]
        had.update(one.external_id for one in case.accounts.values() if one.external_id)
        case.had = frozenset(had)
        return case

    # -- what was so -----------------------------------------------------------------------------------------

    def had_cause(self, tenant: str, okta_id: str, at: float) -> bool:
        """Whether the person was to lose the account at some moment that a run may rest on."""
        past = self.entitled.get((tenant, okta_id))
        return past is None or any(value == NO for value in past.since(at - STALE))

    def is_gone(self, tenant: str, okta_id: str, at: float) -> bool:
        past = self.entitled.get((tenant, okta_id))
        return past is not None and set(past.since(at - STALE)) == {NO}

    def specs_since(self, tenant: str, at: float) -> list[JSON]:
        """The parts of the spec about writing that held at some moment since."""
        return [self._bodies[one] for one in self.specs[tenant].since(at)]

    # -- writes ----------------------------------------------------------------------------------------------

    def wrote(self, write: Write) -> None:
        """A server has carried out a write of the operator."""
        parts = write.path.partition("?")[0].strip("/").split("/")
        if write.status >= 300 or write.host not in {f"{name}.scim.test" for name in self.tenants}:
            return
        tenant = write.host.partition(".")[0]
        self.last_write[tenant] = write.at
        self._may_write(tenant, write)
        if parts[:2] == ["scim", "v2"] and len(parts) > 3 and parts[3] == "Users":
            self._user(tenant, write, parts[4] if len(parts) > 4 else "")

    def _may_write(self, tenant: str, write: Write) -> None:
        if self.specs_since(tenant, write.at - SPEC_GRACE) and self.specs[tenant].covers(
            write.at - SPEC_GRACE
        ):
            self._pending.append(partial(self._is_allowed, tenant, write))

    def _is_allowed(self, tenant: str, write: Write) -> None:
        """Whether some spec of the last while let the operator write, one that was applied just before the write
        and is noted after it included. What may deactivate a person who left waits for neither approval nor a
        window."""
        at, told = write.at, f"{write.method} {write.path} by {write.source}"
        specs = self.specs_since(tenant, at - SPEC_GRACE)
        if all(spec.get("mode") == "Observe" for spec in specs):
            self.find("NothingIsWrittenInObserve", tenant, at, told)
        if all(spec.get("suspend") for spec in specs):
            self.find("NothingIsWrittenWhileSuspended", tenant, at, told)
        if _may_be_leaver(write):
            return
        is_approved = at - self.approved_at.get(tenant, -1e9) < APPROVED
        if all(spec.get("mode") == "Approve" for spec in specs) and not is_approved:
            self.find("NothingIsWrittenWithoutApproval", tenant, at, told)
        if all(spec.get("windows") and is_closed(spec["windows"], at) for spec in specs):
            self.find("NothingIsWrittenOutsideWindows", tenant, at, told)

    def _user(self, tenant: str, write: Write, scim_id: str) -> None:
        before = self.accounts[tenant].get(scim_id)
        after = _account(write.answer, before)
        if write.method == "DELETE" and before is not None:
            after = None
        if write.method != "DELETE" and after is None:
            return
        at = write.at
        if after is not None:
            self._owner(tenant, before, after, at)
        if before is not None and before.active and (after is None or not after.active):
            self._pending.append(partial(self._deactivated, tenant, before, at))
        if after is not None and after.active and (before is None or not before.active):
            self._seats(tenant, after, at)
            self._pending.append(partial(self._seated, tenant, after, before is None, at))
        if after is None:
            self.accounts[tenant].pop(scim_id, None)
        else:
            self.accounts[tenant][after.id] = after

    def _deactivated(self, tenant: str, account: Account, at: float) -> None:
        owner = account.external_id
        if not self.had_cause(tenant, owner, at):
            self.find(
                "NobodyIsDeactivatedWithoutCause",
                tenant,
                at,
                f"{account.user_name} ({owner}) was deactivated though the person should have had the account "
                f"for the last {STALE / 60:.0f} minutes",
            )
        if not self._is_leaver(owner):
            self._removed(tenant, owner, at)

    def _is_leaver(self, owner: str) -> bool:
        user = self.okta.users.get(owner)
        return user is not None and user.status == "DEPROVISIONED"

    def _removed(self, tenant: str, owner: str, at: float) -> None:
        """Counts removals against spec.safeguards, unless somebody approved within the window."""
        removed = self.removed[tenant]
        removed[owner] = at
        case = self.cases.get(tenant)
        if case is None:
            return
        rules = case.spec.get("safeguards") or {}
        limits = rules.get("removals") or {}
        window = 24 * 3600.0
        recent = [moment for moment in removed.values() if at - moment < window]
        owned = len(recent) + sum(
            one.active and bool(one.external_id) for one in self.accounts[tenant].values()
        )
        share = owned * int(limits.get("percent", 10)) // 100
        most = max(int(rules.get("minimum", 5)), min(int(limits.get("count", 20)), share))
        was_approved = at - self.approved_at.get(tenant, -1e9) < window
        if len(recent) > most + 1 and not was_approved and len(self.specs_since(tenant, at - window)) < 2:
            self.find(
                "RemovalsStayBelowTheSafeguard", tenant, at, f"{len(recent)} people removed, {most} allowed"
            )

    def _seated(self, tenant: str, account: Account, is_new: bool, at: float) -> None:
        owner = account.external_id
        if self.is_gone(tenant, owner, at):
            self.find(
                "NobodyWhoLeftGetsIn",
                tenant,
                at,
                f"{account.user_name} ({owner}) was {'created' if is_new else 'activated'} though the person "
                f"should have had no account for the last {STALE / 60:.0f} minutes",
            )
        twins = [
            one for one in self.accounts[tenant].values() if one.external_id == owner and one.id != account.id
        ]
        if owner and twins and is_new:
            self.find("NothingIsDoubled", tenant, at, f"a second account for {owner}: {account.user_name}")

    def _seats(self, tenant: str, account: Account, at: float) -> None:
        case = self.cases.get(tenant)
        if case is None or case.seats is None or (case.limit or {})["spec"].get("whenFull") == "Attempt":
            return
        others = sum(one.active and one.id != account.id for one in self.accounts[tenant].values())
        is_quiet = at - self.by_hand_at[tenant] > 300
        if others + 1 > case.seats and is_quiet:
            self.find(
                "NeverMoreAccountsThanSeats",
                tenant,
                at,
                f"{others + 1} accounts of {case.seats} seats after {account.user_name} got one",
            )

    def _owner(self, tenant: str, before: Account | None, after: Account, at: float) -> None:
        if before is None:
            return
        old, new = before.external_id, after.external_id
        case = self.cases.get(tenant)
        adopts = "AdoptIfOwnerDeprovisioned"
        may_adopt = case is not None and (case.spec.get("adoption") or {}).get("foreignExternalId") == adopts
        if old and new != old and not may_adopt:
            self.find("NoAccountChangesItsOwner", tenant, at, f"{before.user_name}: {old} became {new}")
        if not old and new:
            past = self.names.get((tenant, new))
            known = {fold(name) for name in past.since(at - STALE)} if past is not None else set()
            if known and fold(before.user_name) not in known:
                self.find(
                    "NoAccountIsTakenOver",
                    tenant,
                    at,
                    f"{before.user_name!r}, which belonged to nobody, was given to {new}, who is {sorted(known)}",
                )


def _may_be_leaver(write: Write) -> bool:
    """Whether the write deactivates somebody, alone."""
    if write.method == "DELETE":
        return True
    text = str(write.body).replace(" ", "").lower()
    return (
        write.method in ("PATCH", "PUT") and "'active':false" in text
    ) or "'path':'active','value':false" in text


def is_closed(windows: list[JSON], at: float) -> bool:
    """Whether writing was not allowed at `at`, nor RUN_SECONDS before: a run goes on past the end of a window.
    Knows the windows of a world: every hour, from one minute on, in minutes."""
    return not any(_is_open(windows, moment) for moment in (at, at - RUN_SECONDS / 2, at - RUN_SECONDS))


def _is_open(windows: list[JSON], at: float) -> bool:
    allows = [_is_inside(one, at) for one in windows if one["kind"] == "Allow"]
    denies = [_is_inside(one, at) for one in windows if one["kind"] == "Deny"]
    return (not allows or any(allows)) and not any(denies)


def _is_inside(window: JSON, at: float) -> bool:
    minute, length = int(window["schedule"].split()[0]), int(window["duration"].removesuffix("m"))
    return (at / 60 - minute) % 60 < length


def _account(body: Any, before: Account | None) -> Account | None:
    """The account that a SCIM answer shows."""
    if not isinstance(body, dict) or "userName" not in body:
        return before
    return Account(
        str(body.get("id", "")),
        str(body["userName"]),
        str(body.get("externalId") or ""),
        bool(body.get("active", True)),
        before.shown if before is not None else {},
    )
