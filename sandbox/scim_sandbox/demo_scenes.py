"""The three acts of the demo: edits by hand are put right, a person moves, the seats run out and free up.

Each act does something as a person would, asks for a reconcile, shows what came of it, and checks it on every
side: resources, provider, metrics, alerts. Called by demo.
"""

from __future__ import annotations

import yaml

from controller.kube.client import JSON
from scim_sandbox.actors import INTEGRATION, LIMIT, NAMESPACE, RECONCILE_SECONDS, Play
from scim_sandbox.alerts import Sample, firing, select
from scim_sandbox.demo_people import Cast
from scim_sandbox.folder import project_file
from scim_sandbox.people import SandboxPerson
from scim_sandbox.run import PRIORITY_GROUPS
from scim_sandbox.watch_cache import condition

STRANGE_NAME = "Somebody Else"
ALERTS = ("ScimPeopleWaitForSeat", "ScimSeatsFull")


async def edits_by_hand(play: Play, cast: Cast) -> None:
    """Act one: the operator undoes what somebody did in the provider's own console."""
    gone, renamed = cast.deactivated, cast.renamed
    play.begin("Act 1  Edits by hand at the provider")
    play.stage.say(
        f"In the provider's console somebody deactivates {gone.display_name} and renames "
        f"{renamed.display_name} to {STRANGE_NAME!r}. The integration says `drift: Correct`."
    )
    before = _corrected(await play.metrics())
    await play.provider.deactivate(gone.login)
    await play.provider.edit(renamed.login, displayName=STRANGE_NAME)
    integration = await play.reconcile("Reconcile")
    event = await _drift_event(play)
    await _show_sync(play)
    back, name = await play.provider.person(gone.login), await play.provider.person(renamed.login)
    checks = play.checks
    checks.that(
        "the drift was seen: an event tells what was edited", bool(event), "DriftCorrected", event or "none"
    )
    checks.equal(f"{gone.display_name} is active again at the provider", True, back.get("active"))
    checks.equal(
        f"{renamed.display_name} has the right name again", renamed.display_name, name.get("displayName")
    )
    samples = await play.metrics_when(lambda page: _corrected(page) > before + 1)
    checks.equal("the metrics counted both", before + 2, _corrected(samples))
    checks.equal("the integration is InSync", "True", condition(integration, "InSync").get("status"))


async def change_of_department(play: Play, cast: Cast) -> None:
    """Act two: a change in Okta moves somebody from one group of the provider to another."""
    mover, target = cast.mover, cast.new_department
    before = (await play.provider.person(mover.login)).get("group")
    play.begin("Act 2  A change of department in Okta")
    play.stage.say(
        f"{mover.display_name} moves from {mover.department} to {target} in Okta. The mapping table says "
        "which group that is at the provider."
    )
    expected = _group_of(play, target)
    await play.okta.change(mover.login, department=target)
    await play.reconcile("Reconcile")
    after = (await play.provider.person(mover.login)).get("group")
    play.stage.block([f"  {mover.login}", f"    group before   {before}", f"    group now      {after}"])
    holders = {name: await play.provider.people(group=name) for name in {expected, str(before)}}
    inside = sorted(name for name, people in holders.items() if mover.login in _user_names(people))
    checks = play.checks
    checks.equal(f"{mover.display_name} was in {before}", _group_of(play, mover.department), before)
    checks.equal(f"{mover.display_name} is in {expected}", expected, after)
    checks.equal("and in no other group", [expected], inside)


async def full_house(play: Play, cast: Cast) -> None:
    """Act three, first half: more people than seats."""
    play.begin("Act 3  More people than seats")
    play.stage.say(
        f"{cast.seats} seats were bought, {len(cast.assigned)} are taken. {len(cast.joining)} more people "
        "are assigned in Okta. Executives come first, then Sales, then whoever was assigned earlier."
    )
    await play.okta.assign(person.login for person in cast.joining)
    await play.reconcile("Reconcile")
    limit = await play.limits.until(
        LIMIT, lambda item: _seats(item).get("waiting", 0) > 0, RECONCILE_SECONDS, "a waiting list"
    )
    await play.show("SeatLimit")
    capacity = condition(limit, "WithinCapacity")
    play.stage.detail(f"{capacity.get('reason')}: {capacity.get('message')}")
    await _check_admitted(play, cast)
    await _check_full(play, cast, limit)
    await _check_alerts(play, fires=True)


async def people_leave(play: Play, cast: Cast) -> None:
    """Act three, second half: who waits is admitted as soon as seats come free."""
    play.stage.say("")
    play.stage.say(f"Then {len(cast.leaving)} people leave the company: they are deactivated in Okta.")
    for person in cast.leaving:
        await play.okta.deactivate(person.login)
    await play.reconcile("Reconcile")
    limit = await play.limits.until(
        LIMIT, lambda item: _seats(item).get("waiting") == 0, RECONCILE_SECONDS, "an empty waiting list"
    )
    await play.show("SeatLimit")
    active = {person["userName"] for person in await play.provider.people() if person["active"]}
    admitted = sorted(person.login for person in cast.waiting if person.login in active)
    left = sorted(person.login for person in cast.leaving if person.login in active)
    used = cast.seats - len(cast.leaving) + len(cast.waiting)
    checks = play.checks
    checks.equal("nobody who left has an active account", [], left)
    checks.equal(
        "those who waited were admitted by themselves",
        sorted(person.login for person in cast.waiting),
        admitted,
    )
    checks.equal("seats used, by the provider's own count", used, (await play.provider.seats())["used"])
    checks.equal("WithinCapacity is True again", "True", condition(limit, "WithinCapacity").get("status"))
    await _check_alerts(play, fires=False)


async def _check_admitted(play: Play, cast: Cast) -> None:
    """Who got a seat and who waits, by the order of priority."""
    present = {person["userName"] for person in await play.provider.people() if person["active"]}
    seated = cast.admission_order[: cast.free]
    play.stage.block([
        "  seat   person", *(f"  {'yes' if person.login in present else 'waits':<6} {_ranked(person)}"
                            for person in cast.admission_order)
    ])  # fmt: skip
    play.checks.equal(
        f"{cast.free} of {len(cast.joining)} got seats, the ones that priority says",
        sorted(person.login for person in seated),
        sorted(person.login for person in cast.joining if person.login in present),
    )


async def _check_full(play: Play, cast: Cast, limit: JSON) -> None:
    """Condition with the remedy, metrics, and nothing beyond the seats at the provider."""
    checks, capacity = play.checks, condition(limit, "WithinCapacity")
    contact = limit["spec"]["billing"]["contact"]
    checks.equal("WithinCapacity is False", "False", capacity.get("status"))
    checks.that(
        "and tells the remedy for invoices, with the contact",
        contact in capacity.get("message", ""), f"a message with {contact}", capacity.get("message", "none"),
    )  # fmt: skip
    seats = await play.provider.seats()
    checks.equal("every seat is used at the provider, none beyond", cast.seats, seats["used"])
    samples = await play.metrics_when(lambda page: bool(firing(alert_expression(ALERTS[0]), page)))
    await play.show_metrics("scim_operator_seats", name=LIMIT)
    for state, value in (("used", cast.seats), ("available", 0), ("waiting", len(cast.waiting))):
        seen = select(samples, "scim_operator_seats", name=LIMIT, namespace=NAMESPACE, state=state)
        checks.equal(f"the metrics say {state}: {value}", [float(value)], [sample.value for sample in seen])


async def _check_alerts(play: Play, *, fires: bool) -> None:
    """The chart's own alert expressions on the operator's own metrics."""
    expressions = {name: alert_expression(name) for name in ALERTS}
    samples = await play.metrics_when(
        lambda page: all(bool(firing(expression, page)) is fires for expression in expressions.values())
    )
    for name, expression in expressions.items():
        found: tuple[Sample, ...] = firing(expression, samples)
        if fires:
            play.stage.block([f"  {name}: {expression}"])
        told = ", ".join(map(str, found)) or "no series"
        play.checks.that(
            f"alert {name} {'fires' if fires else 'is quiet'}",
            bool(found) is fires, "a series" if fires else "no series", told,
        )  # fmt: skip


def alert_expression(name: str) -> str:
    """The expression of an alert as the chart ships it."""
    document = yaml.safe_load(project_file("charts", "scim-operator", "files", "alerts.yaml").read_text())
    rules = [rule for group in document["groups"] for rule in group["rules"]]
    return str(next(rule["expr"] for rule in rules if rule.get("alert") == name)).strip()


async def _show_sync(play: Play) -> None:
    await play.show("ScimIntegration")
    await play.show_metrics("scim_operator_drift_corrected_total")


async def _drift_event(play: Play) -> str:
    """What the event about corrected drift says; "" where there is none."""
    message = await play.event("DriftCorrected")
    if message:
        play.stage.command(f"kubectl events --for scimint/{INTEGRATION}")
        play.stage.detail(f"DriftCorrected: {message}")
    return message


def _corrected(samples: tuple[Sample, ...]) -> float:
    return sum(sample.value for sample in select(samples, "scim_operator_drift_corrected_total"))


def _user_names(people: list[JSON]) -> set[str]:
    return {str(person["userName"]) for person in people}


def _seats(limit: JSON) -> JSON:
    found: JSON = (limit.get("status") or {}).get("seats") or {}
    return found


def _ranked(person: SandboxPerson) -> str:
    groups = [group for group in person.groups if group in PRIORITY_GROUPS]
    return f"{person.display_name} ({', '.join(groups) or 'no priority'})"


def _group_of(play: Play, department: str) -> str:
    """The provider's group of a department, by the applied mapping table."""
    for manifest in play.manifests:
        if manifest.kind == "GroupMapping":
            for row in manifest.body["spec"]["mappings"]:
                if department in row["values"]:
                    return str(row["providerGroup"])
    return ""
