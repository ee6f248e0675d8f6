"""What must be so after quiet intervals: accounts, attributes, groups, seats and the status of each."""

from __future__ import annotations

from tests.simulation.model.judge import Judge
from tests.simulation.model.truth import NO, YES, Case, wanted_attributes, wanted_group
from tests.simulation.model.view import Account, condition

SHOWN = 3


def check_quiet(judge: Judge, at: float, unknown: frozenset[str]) -> None:
    """Compares everything; `unknown` are tenants about which nothing can be said, since something of theirs
    is broken on purpose."""
    for case in judge.cases.values():
        if case.name in unknown or not case.is_ours or case.spec.get("mode") == "Observe":
            continue
        if not case.app_id:  # the app was renamed and the integration made anew: it has none
            continue
        judge.fill(case)
        held = _held(case)
        if held:
            judge.find("NothingWaitsWithoutReason", case.name, at, held)
            continue
        _people(judge, case, at)
        _seats(judge, case, at)
        _conditions(judge, case, at)


def _held(case: Case) -> str:
    """What keeps the integration from its work; "" for nothing. All that may wait was approved before."""
    in_sync = condition({"status": case.status}, "InSync")
    if in_sync.get("reason") in ("AwaitingApproval", "SafetyThresholdExceeded", "ReadIncomplete"):
        return f"{in_sync['reason']}: {in_sync.get('message', '')[:200]}"
    return ""


def _people(judge: Judge, case: Case, at: float) -> None:
    owned, blocked, held_up = case.owned(), case.blocked(), case.held_up()
    reports = case.spec.get("drift") == "Report"
    for okta_id, entitled in sorted(case.entitled.items()):
        account = owned.get(okta_id)
        if entitled == YES and account is not None and account.active:
            if okta_id in held_up:
                _held_up(judge, case, account, at, is_circle=held_up[okta_id])
            found = _attributes(judge, case, okta_id, account, at)
            groups = account.shown.get("groups") or []
            if found and any((case.name, group) in judge.renamed for group in groups):
                judge.find("ARenamedGroupIsPutRight", case.name, at, found)
            elif found and okta_id in held_up:
                judge.find("ARefusedNameHoldsNothingElseBack", case.name, at, found)
            elif found:
                judge.find("EveryAttributeIsAsInOkta", case.name, at, found)
        if entitled == NO and account is not None and account.active and not reports:
            is_by_hand = (case.name, account.id) in judge.by_hand
            judge.find(
                "WhoIsLetInByHandIsPutOutAgain" if is_by_hand else "WhoLeftHasNoAccount", case.name, at,
                f"{account.user_name} ({okta_id}) is active though the person is to have no account",
            )  # fmt: skip
    free = case.free()
    unable = blocked | case.left_to_hands()
    missing = [one for one in case.candidates() if one not in unable and one not in owned]
    if missing and (free is None or free > 0):
        judge.find(
            "WhoShouldHasAnAccount", case.name, at,
            f"{len(missing)} people have none though {'no limit' if free is None else f'{free} seats'} "
            f"would keep them; the first is {case.names[missing[0]]!r}",
        )  # fmt: skip


def _held_up(judge: Judge, case: Case, account: Account, at: float, *, is_circle: bool) -> None:
    """Another account has the person's new user name. Where that one is to have another name too, both can,
    unless a name changes only once its owner confirms it, as Calendly does it."""
    is_confirmed = case.spec["provider"]["profile"]["name"] == "calendly"
    if is_circle and case.spec.get("drift") != "Report" and not is_confirmed:
        judge.find(
            "LoginsInACircleConverge",
            case.name,
            at,
            f"{account.user_name} waits for a name that will be free",
        )


def _attributes(judge: Judge, case: Case, okta_id: str, account: Account, at: float) -> str:
    """What differs from Okta; "" for nothing. The user name of somebody who is held up is left out."""
    if case.spec.get("drift") == "Report":
        return ""
    wanted = wanted_attributes(case, judge.okta, okta_id)
    if okta_id in case.held_up():
        del wanted["userName"]
    # A change that was accepted and never confirmed is reported, and sent again after days (docs/concepts.md).
    items = (case.status.get("unconfirmed") or {}).get("items") or []
    unconfirmed = {one.get("value") for one in items}
    wrong: list[str] = []
    for name, value in wanted.items():
        found = account.shown.get(name)
        is_pending = name in ("email", "userName") and (
            account.shown.get("pendingEmail") == value or value in unconfirmed
        )
        if (found or None) != (value or None) and not is_pending:
            wrong.append(f"{name} is {found!r}, not {value!r}")
    group = wanted_group(case, judge.okta, okta_id)
    groups = account.shown.get("groups") or []
    if group is not None and case.has_groups() and group not in groups:
        wrong.append(f"groups are {groups}, without {group!r}")
    return f"{account.user_name}: {'; '.join(wrong[:SHOWN])}" if wrong else ""


def _seats(judge: Judge, case: Case, at: float) -> None:
    limit = case.limit
    if limit is None:
        return
    told = (limit.get("status") or {}).get("seats") or {}
    least, most = case.waiting()
    if told and not least <= told.get("waiting", 0) <= most:
        judge.find(
            "QuietStatusTellsWhoWaits", case.name, at, f"says {told.get('waiting')}, it is {least} to {most}"
        )
    if told and told.get("used") != case.used:
        judge.find("QuietStatusTellsUsedSeats", case.name, at, f"says {told.get('used')}, it is {case.used}")


def _conditions(judge: Judge, case: Case, at: float) -> None:
    ready = condition({"status": case.status}, "Ready")
    # By the documents Ready is False where every write of a run fails, and for these people it must fail.
    fails = bool(case.held_up() or case.blocked())
    if ready.get("status") != "True" and not (fails and ready.get("reason") == "WritesFailed"):
        judge.find(
            "QuietMeansReady", case.name, at,
            f"Ready={ready.get('status')}/{ready.get('reason')}: {ready.get('message', '')[:200]}",
        )  # fmt: skip
    people = case.status.get("people") or {}
    owned = case.owned()
    seated = sum(
        value == YES and okta_id in owned and owned[okta_id].active
        for okta_id, value in case.entitled.items()
    )
    is_odd = any(value not in (YES, NO) for okta_id, value in case.entitled.items() if okta_id in owned)
    loose = any(not account.external_id for account in case.accounts.values())
    if people and not is_odd and not loose and people.get("provisioned") != seated:
        judge.find(
            "QuietStatusTellsWhoHasAnAccount", case.name, at,
            f"status says {people.get('provisioned')} are provisioned, it is {seated}",
        )  # fmt: skip
