"""What must be true of one integration: who should have an account, who waits, how many seats are taken.

Computed from the spec and from what both systems answer. Written from the documents and the resources'
descriptions, not from the operator's code.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from tests.simulation.model.view import GONE, JSON, SERVED, WAITING, Account, Okta, Resources, fold

YES, NO, NEUTRAL = "yes", "no", "neutral"
PROFILE = {"givenName": "firstName", "familyName": "lastName", "email": "email", "displayName": "displayName"}


@dataclass(slots=True)
class Case:
    """One integration as the model sees it at one moment."""

    name: str
    namespace: str
    spec: JSON
    status: JSON
    generation: int
    limits: list[JSON]
    mappings: list[JSON]
    entitled: dict[str, str] = field(default_factory=dict)
    """Okta id -> yes, no or neutral: whether that person should have an active account."""
    names: dict[str, str] = field(default_factory=dict)
    """Okta id -> user name in the app."""
    accounts: dict[str, Account] = field(default_factory=dict)
    purchased: int = 0
    used: int = 0
    app_id: str = ""
    had: frozenset[str] = frozenset()
    """Okta ids of people who have or had an account."""

    @property
    def is_ours(self) -> bool:
        """Whether the operator provisions and nothing in the spec stops it."""
        return self.spec["provisioning"]["by"] == "Operator" and not self.spec.get("suspend")

    @property
    def writes_freely(self) -> bool:
        """Whether a change is carried out without anybody's leave."""
        return self.is_ours and self.spec.get("mode") == "Enforce" and not self.spec.get("windows")

    @property
    def limit(self) -> JSON | None:
        """The one SeatLimit; None without one or with several, which is a mistake of the spec."""
        return self.limits[0] if len(self.limits) == 1 else None

    @property
    def seats(self) -> int | None:
        """How many people may have an account; None for no limit. More than was purchased, as far as the provider
        tells it, is never given."""
        limit = self.limit
        if limit is None:
            return None
        declared = limit["spec"].get("seats")
        if declared is None:
            return self.purchased
        is_told = bool((self.spec.get("provider") or {}).get("admin"))
        return min(int(declared), self.purchased) if is_told else int(declared)

    @property
    def reserve(self) -> int:
        return int((self.limit or {"spec": {}})["spec"].get("reserve", 0))

    def has_groups(self) -> bool:
        """Whether somebody keeps groups by the mappings: the operator itself, or the provider by a table that
        the operator can reach."""
        groups = self.spec.get("groups") or {}
        if not groups or not self.mappings:
            return False
        return groups.get("via") == "ScimGroups" or bool((self.spec.get("provider") or {}).get("admin"))

    def active(self) -> int:
        """Active accounts, which are the seats in use."""
        return sum(account.active for account in self.accounts.values())

    def free(self) -> int | None:
        """Seats that may be given; None for no limit."""
        return None if self.seats is None else self.seats - self.reserve - self.used

    def owned(self) -> dict[str, Account]:
        """Okta id -> account, by externalId."""
        return {one.external_id: one for one in self.accounts.values() if one.external_id}

    def candidates(self) -> list[str]:
        """Okta ids of people who should have an active account and have none. Someone whose user name an
        account without an owner has takes it over, active or not."""
        owned, loose = self.owned(), self.loose()
        found = []
        for okta_id, entitled in self.entitled.items():
            if entitled != YES:
                continue
            account = owned.get(okta_id) or loose.get(fold(self.names[okta_id]))
            if account is None or not account.active:
                found.append(okta_id)
        return found

    def left_to_hands(self) -> set[str]:
        """Candidates about whom nothing can be said: with spec.drift Report an account that was deactivated or
        deleted by hand stays so, and one that a person lost in Okta comes back with the person."""
        if self.spec.get("drift") != "Report":
            return set()
        return {one for one in self.candidates() if one in self.had}

    def loose(self) -> dict[str, Account]:
        """Folded user name -> account that belongs to nobody."""
        return {fold(one.user_name): one for one in self.accounts.values() if not one.external_id}

    def blocked(self) -> set[str]:
        """People who cannot have an account of their own: another's has their user name, or somebody else
        without an account has the same. Somebody whose own account is there is not blocked by this."""
        owned = self.owned()
        names = Counter(
            fold(self.names[one])
            for one, entitled in self.entitled.items()
            if entitled == YES and one not in owned
        )
        holders = {fold(one.user_name): one.external_id for one in self.accounts.values()}
        found = set()
        for okta_id, entitled in self.entitled.items():
            if entitled != YES or okta_id in owned:
                continue
            holder = holders.get(fold(self.names[okta_id]), "")
            if (holder and holder != okta_id) or names[fold(self.names[okta_id])] > 1:
                found.add(okta_id)
        return found

    def held_up(self) -> dict[str, bool]:
        """People with an account whose new user name another account has, and keeps: nobody can give it to them.
        True for those who wait for each other in a circle, or for somebody in one."""
        owned = self.owned()
        holders = {fold(one.user_name): one.external_id for one in self.accounts.values()}
        found = {}
        for okta_id, account in owned.items():
            if self.entitled.get(okta_id) == YES and fold(account.user_name) != fold(self.names[okta_id]):
                end = self._end_of_chain(okta_id, holders)
                if end is not None:
                    found[okta_id] = end
        return found

    def _end_of_chain(self, okta_id: str, holders: dict[str, str]) -> bool | None:
        """Who has the name, whose name that one is to have, and so on: True for a circle, False for an account
        that stays as it is, None where the last of them can move."""
        seen = [okta_id]
        while True:
            wanted = fold(self.names[seen[-1]])
            if wanted not in holders:
                return None
            holder = holders[wanted]
            if holder == seen[-1] or self.entitled.get(holder) != YES:
                return False
            if holder in seen:
                return True
            seen.append(holder)

    def waiting(self) -> tuple[int, int]:
        """The fewest and the most people who may be said to wait for a seat."""
        free = self.free()
        if free is None:
            return 0, 0
        candidates, blocked = self.candidates(), self.blocked()
        able = sum(one not in blocked | self.left_to_hands() for one in candidates)
        return max(0, able - max(0, free)), max(0, len(candidates) - max(0, free - len(blocked)))


def entitlement(user_status: str | None, is_assigned: bool, spec: JSON) -> str:
    """Whether a person should have an active account, by spec.lifecycle."""
    lifecycle = spec.get("lifecycle") or {}
    if user_status in (None, GONE):
        return NO if lifecycle.get("deactivated", "Deactivate") == "Deactivate" else NEUTRAL
    if not is_assigned:
        return NO if lifecycle.get("unassigned", "Deactivate") == "Deactivate" else NEUTRAL
    if user_status in SERVED:
        return YES
    if user_status in WAITING:
        return YES if lifecycle.get("notYetActive") == "Provision" else NEUTRAL
    if user_status == "SUSPENDED":
        return NO if lifecycle.get("suspended", "Keep") == "Deactivate" else NEUTRAL
    return NEUTRAL


def cases(resources: Resources, okta: Okta) -> dict[str, Case]:
    """Every integration by name; names are unique in a world. Accounts are filled in by the judge."""
    found = {}
    for body in resources.of("ScimIntegration"):
        metadata, spec = body["metadata"], body["spec"]
        place = (metadata["namespace"], metadata["name"])
        case = Case(
            metadata["name"],
            metadata["namespace"],
            spec,
            body.get("status") or {},
            metadata["generation"],
            _referring(resources.of("SeatLimit"), place),
            _referring(resources.of("GroupMapping"), place),
        )
        _fill(case, okta)
        found[case.name] = case
    return found


def _referring(bodies: Iterable[JSON], place: tuple[str, str]) -> list[JSON]:
    found = []
    for body in bodies:
        spec = body["spec"]
        refs = spec.get("integrationRefs") or [spec.get("integrationRef") or {}]
        if (body["metadata"]["namespace"], refs[0].get("name")) == place:
            found.append(body)
    return found


def _fill(case: Case, okta: Okta) -> None:
    app = _app_of(case, okta)
    assigned: dict[str, Any] = okta.assigned.get(app["id"], {}) if app else {}
    case.app_id = app["id"] if app else ""
    for okta_id, user in okta.users.items():
        case.entitled[okta_id] = entitlement(user.status, okta_id in assigned, case.spec)
    for okta_id, one in assigned.items():
        case.names[okta_id] = (one.get("credentials") or {}).get("userName") or ""


def _app_of(case: Case, okta: Okta) -> JSON | None:
    """The app: the id in status is pinned, else the label."""
    pinned = (case.status.get("app") or {}).get("id")
    wanted = case.spec["okta"]["app"]
    for label, app in okta.apps.items():
        if app["id"] == (wanted.get("id") or pinned or "") or (not pinned and label == wanted.get("label")):
            return app
    return None


def wanted_attributes(case: Case, okta: Okta, okta_id: str) -> JSON:
    """What a person's account should hold, as the admin API shows it."""
    profile = okta.users[okta_id].profile
    found: JSON = {"userName": case.names[okta_id]}
    found |= {target: profile.get(source) for target, source in PROFILE.items()}
    groups = case.spec.get("groups") or {}
    if groups and groups.get("via", "UserAttribute") == "UserAttribute":
        found["groupValue"] = profile.get("department")
    return found


def wanted_group(case: Case, okta: Okta, okta_id: str) -> str | None:
    """The group that a GroupMapping leads the person to; None where none says so."""
    department = okta.users[okta_id].profile.get("department")
    for mapping in case.mappings:
        for row in mapping["spec"]["mappings"]:
            if department in row["values"]:
                return str(row["providerGroup"])
    return None
