"""Two integrations that mean one app or one tenant by other words: only the older one ever writes."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from controller.clock import ManualClock
from controller.errors import SpecError, Waiting
from controller.kube.state_store import About, StateStore, state_name
from controller.metrics import Metrics
from controller.model.actual import Memory
from controller.operator.run_inputs import is_proven, names_of_app, rivals_of
from controller.operator.state_cache import Memories
from controller.operator.state_migration import Mover
from controller.operator.store import Store
from controller.planning.base.inputs import NO_NAMES, AppNames, Inputs, Rival
from controller.planning.desired.conflicts import check_rivals
from controller.planning.make_plan import make_plan
from controller.reconcile import engine as module
from controller.reconcile.engine import Engine
from controller.reconcile.report import Report
from controller.reconcile.state_codec import encode_memory
from controller.settings import Settings
from controller.transport.urls import UrlRefused, check_url
from controller.urls import normal_url
from tests.unit.kube.fakeapi import FakeApi
from tests.unit.operator.bodies import body, with_status
from tests.unit.planning import world
from tests.unit.reconcile.fakes import FakeConnector, FakeWorld
from tests.unit.reconcile.reports import INTEGRATION, ORG, inputs, resource

OLD, OLDER, NOW = "2026-01-01T00:00:00Z", "2025-12-01T00:00:00Z", datetime(2026, 1, 1, 0, 1, tzinfo=UTC)
SPELLINGS = (
    "https://scim.example.com/scim/v2/acme/",
    "https://SCIM.Example.COM/scim/v2/acme",
    "HTTPS://scim.example.com/scim/v2/acme",
    "https://scim.example.com:443/scim/v2/acme",
    "https://scim.example.com:0443/scim/v2/acme",
    "https://scim.example.com./scim/v2/acme",
    "https://scim.example.com//scim/v2///acme",
    "https://scim.example.com/scim/v2/%61%63m%65",
    "https://scim.example.com/scim/./v2/x/../acme",
    "https://scim.example.com/scim/%2e/v2/x/%2E%2e/acme",
)


def integration_with(url: str, **changes: Any) -> Any:
    provider = {**INTEGRATION["provider"], "baseUrl": url}
    return resource("ScimIntegration", {**INTEGRATION, "provider": provider}, **changes)


def rival(url: str = "https://other.example.com", app: AppNames | None = None, **changes: Any) -> Rival:
    return replace(Rival("other", "first", OLDER, "uid-first", url, app or AppNames()), **changes)


@pytest.mark.parametrize("url", SPELLINGS)
def test_a_tenant_in_another_spelling_is_the_same_tenant(url: str) -> None:
    given = inputs(integration=integration_with(world.URL), rivals=(rival(url),))
    with pytest.raises(SpecError, match="same tenant") as caught:
        check_rivals(given, resource("OktaOrg"))
    assert caught.value.reason == "Conflict"
    assert state_name("team", normal_url(url)) == state_name("team", world.URL)


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST.", "127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "127.1"]
)
def test_this_machine_is_one_host_under_all_its_names(host: str) -> None:
    assert normal_url(f"http://{host}:8080/acme") == "http://127.0.0.1:8080/acme"
    assert normal_url(f"http://{host}:80/acme") != normal_url(f"http://{host}:8080/acme")


@pytest.mark.parametrize(
    "url",
    [
        "https://scim.example.com/scim/v2/ACME",
        "https://scim.example.com/scim/v2/ac%2Fme",
        "https://scim.example.com:8443/scim/v2/acme",
        "http://scim.example.com/scim/v2/acme",
        "https://scim.example.org/scim/v2/acme",
        "https://scim.example.com/scim/v2/acme/more",
    ],
)
def test_what_a_server_tells_apart_is_another_tenant(url: str) -> None:
    check_rivals(inputs(rivals=(rival(url),)), resource("OktaOrg"))


@given(st.text(max_size=30), st.sampled_from(["https://h/", "http://[::1]/", "https://", ""]))
def test_the_normal_form_is_stable(text: str, start: str) -> None:
    once = normal_url(start + text)
    assert normal_url(once) == once


@pytest.mark.parametrize(
    "url",
    [
        "https://u@h/x", "https://@h/x", "https://h/x?", "https://h/x?y=1", "https://h/x#", "https://h/x#y",
        "https://h\\@evil/x", "https://h/a b", "https://h/a\tb", "https://h/\u202e",
    ],
)  # fmt: skip
def test_a_url_with_more_than_a_place_is_never_called(url: str) -> None:
    with pytest.raises(UrlRefused):
        check_url(url)


# The app.

BY_LABEL = {**INTEGRATION, "okta": {"orgRef": {"name": "acme"}, "app": {"label": "Calendly"}}}
BY_ID = {**INTEGRATION, "okta": {"orgRef": {"name": "acme"}, "app": {"id": "0oa1"}}}
PINNED = {"id": "0oa1", "orgId": "00o1", "label": "Calendly"}
CUSTOM = {**ORG, "url": "https://login.acme.com"}


def of(first: Any, second: Any, *, domain: bool = False, app: Any = None) -> tuple[Store, Inputs]:
    """An older integration `first` and a younger one `second`, as the operator knows them; `domain`: the
    older one calls the org by its custom domain. `app` is what the older one has read."""
    known = Store()
    known.put(body("OktaOrg"))
    known.put(body("OktaOrg", "domain", spec=CUSTOM))
    other = {**first, "provider": {**INTEGRATION["provider"], "baseUrl": "https://other.example.com"}}
    if domain:
        other = {**other, "okta": {**first["okta"], "orgRef": {"name": "domain"}}}
    one = body("ScimIntegration", "first", spec=other, creationTimestamp=OLDER)
    known.put(with_status(one, app=app, conditions=[{"type": "Ready"}]) if app else one)
    known.put(body("ScimIntegration", spec=second, creationTimestamp=OLD))
    younger = resource("ScimIntegration", second, uid="uid-ScimIntegration-calendly", created=OLD)
    rivals = rivals_of(known, younger.uid, NOW)
    return known, inputs(integration=younger, rivals=rivals)


@pytest.fixture
def simple_desired(monkeypatch: pytest.MonkeyPatch) -> None:
    def build(given: Inputs) -> tuple[object, tuple[()]]:
        return world.make_desired(group=None), ()

    monkeypatch.setattr(module, "build_desired", build)


async def run(given: Inputs, rivals: Any = None) -> tuple[Report, FakeWorld]:
    fake = FakeWorld(world.actual([world.person(1)]))
    engine = Engine(FakeConnector(fake), ManualClock(world.NOW), Settings(), Metrics(), rivals=rivals)
    token = {("team", "okta-api", "apiToken"): SecretStr("t0ken")}
    return await engine.run(given, token, Memory()), fake


CASES = {
    "label, label": (BY_LABEL, BY_LABEL, False),
    "id, label": (BY_ID, BY_LABEL, False),
    "label, id": (BY_LABEL, BY_ID, False),
    "id, id, other domain": (BY_ID, BY_ID, True),
    "label, id, other domain": (BY_LABEL, BY_ID, True),
    "id, label, other domain": (BY_ID, BY_LABEL, True),
}


@pytest.mark.usefixtures("simple_desired")
@pytest.mark.parametrize("case", CASES)
async def test_the_first_run_writes_nothing_to_an_app_that_an_older_one_has(case: str) -> None:
    first, second, domain = CASES[case]
    _, given = of(first, second, domain=domain, app=PINNED)
    report, fake = await run(given)
    assert isinstance(report.error, SpecError) and report.error.reason == "Conflict"
    assert fake.done == []


@pytest.mark.usefixtures("simple_desired")
async def test_what_became_known_while_it_read_counts() -> None:
    _, given = of(BY_LABEL, BY_ID)
    _, later = of(BY_LABEL, BY_ID, app=PINNED)
    report, fake = await run(replace(given, rivals=()), lambda inputs: later.rivals)
    assert isinstance(report.error, SpecError) and fake.done == []
    alone, _ = await run(replace(given, rivals=()), lambda inputs: ())
    assert alone.error is None and alone.outcomes


@pytest.mark.parametrize("case", CASES)
def test_of_two_first_runs_the_younger_waits_until_the_older_has_read_its_app(case: str) -> None:
    first, second, domain = CASES[case]
    _, given = of(first, second, domain=domain)
    fresh = replace(given, rivals=tuple(replace(one, is_unread=True) for one in given.rivals))
    with pytest.raises((Waiting, SpecError)) as caught:
        check_rivals(fresh, resource("OktaOrg"))
    assert caught.value.reason in ("Waiting", "Conflict")


def test_nobody_waits_for_one_that_cannot_be_the_same_or_was_read() -> None:
    known = AppNames(
        frozenset({"00o9"}), frozenset({"https://other.okta.com"}), frozenset(), frozenset({"X"})
    )
    org = resource("OktaOrg", status={"orgId": "00o1"})
    apart = rival(app=known, is_unread=True)
    check_rivals(inputs(rivals=(apart,)), org)
    other_label = replace(known, org_ids=frozenset(), labels=frozenset({"Zoom"}))
    check_rivals(inputs(rivals=(replace(apart, app=other_label),)), org)
    pinned = inputs(integration=resource("ScimIntegration", BY_ID, status={"app": PINNED}))
    same = replace(known, org_ids=frozenset(), labels=frozenset({"Calendly"}))
    check_rivals(replace(pinned, rivals=(replace(apart, app=same),)), org)


SAME_APP = AppNames(NO_NAMES, frozenset({normal_url(ORG["url"])}), NO_NAMES, frozenset({"Calendly"}))
CLAIMS = {"the tenant": {"url": world.URL}, "the app": {"app": SAME_APP}}


@pytest.mark.parametrize("claim", CLAIMS.values(), ids=CLAIMS)
def test_who_claims_another_teams_tenant_or_app_in_vain_stops_nobody(claim: Any) -> None:
    given, org = inputs(integration=resource("ScimIntegration", BY_LABEL)), resource("OktaOrg")
    squatter = rival(**claim, is_proven=False)
    check_rivals(replace(given, rivals=(squatter,)), org)
    with pytest.raises(Waiting, match="not known yet"):
        check_rivals(replace(given, rivals=(replace(squatter, is_unread=True),)), org)
    for rightful in (replace(squatter, is_proven=True), replace(squatter, namespace="team")):
        with pytest.raises(SpecError) as caught:
            check_rivals(replace(given, rivals=(rightful,)), org)
        assert caught.value.reason == "Conflict"


def test_an_integration_is_proven_by_what_was_read_of_what_it_names_now() -> None:
    tenant = INTEGRATION["provider"]["baseUrl"]
    one = body("ScimIntegration")
    assert is_proven(with_status(one, app=PINNED, baseUrl=tenant + "/"))
    assert not is_proven(with_status(one, app=PINNED, baseUrl="https://elsewhere.example.com"))
    assert not is_proven(with_status(one, baseUrl=tenant)) and not is_proven(one)


@pytest.mark.parametrize(
    ("change", "is_unread"),
    [
        ({}, True),
        ({"status": {"conditions": [{"type": "Ready", "reason": "Progressing"}]}}, True),
        ({"status": {"conditions": [{"type": "Ready", "reason": "Unavailable"}]}}, False),
        ({"status": {"app": PINNED}}, False),
        ({"spec": {**BY_LABEL, "suspend": True}}, False),
        ({"creationTimestamp": "2025-12-31T00:00:00Z"}, False),
        ({"creationTimestamp": "?"}, False),
        ({"deletionTimestamp": OLD}, False),
    ],
)
def test_only_one_that_is_new_and_about_to_read_is_waited_for(change: Any, is_unread: bool) -> None:
    known = Store()
    status = change.pop("status", {})
    spec = change.pop("spec", BY_LABEL)
    known.put(
        with_status(body("ScimIntegration", spec=spec, **{"creationTimestamp": OLD, **change}), **status)
    )
    (found,) = rivals_of(known, "", NOW)
    assert found.is_unread is is_unread


def locks(known: Store, name: str) -> set[str]:
    found = known.get("ScimIntegration", "team", name)
    assert found is not None
    return set(names_of_app(known, found).as_texts())


@pytest.mark.parametrize("case", CASES)
def test_two_that_are_known_to_be_one_app_never_run_at_once(case: str) -> None:
    first, second, domain = CASES[case]
    known, _ = of(first, second, domain=domain, app=PINNED)
    pinned = known.get("ScimIntegration", "team", "calendly")
    assert pinned is not None
    known.put(
        {**with_status(dict(pinned), app=PINNED), "metadata": {**pinned["metadata"], "resourceVersion": "2"}}
    )
    assert locks(known, "first") & locks(known, "calendly")


@pytest.mark.usefixtures("simple_desired")
async def test_an_app_that_turns_out_to_be_in_work_is_left_until_that_run_has_ended() -> None:
    state = world.actual([world.person(1)])
    fake = FakeWorld(state)
    engine = Engine(FakeConnector(fake), ManualClock(world.NOW), Settings(), Metrics())
    reports: list[Report] = []
    token = {("team", "okta-api", "apiToken"): SecretStr("t0ken")}
    _, second = of(BY_LABEL, BY_ID)
    with engine._apps.alone(state.app, "other/first"):
        reports.append(await engine.run(replace(second, rivals=()), token, Memory()))
    assert isinstance(reports[0].error, Waiting) and fake.done == []
    after = await engine.run(replace(second, rivals=()), token, Memory())
    assert after.error is None and fake.done


# State.


async def test_the_state_of_a_tenant_survives_another_spelling_of_its_url() -> None:
    api = FakeApi()
    written = "https://SCIM.example.com:443/scim/v2/acme"
    kept = world.memory([world.account_of(world.person(1))], tenant=written)
    memories = Memories(StateStore(api, "ops"))
    await memories.load(integration_with(written))
    await memories.keep(integration_with(written), kept)
    other = Memories(StateStore(api, "ops"))
    assert (await other.load(integration_with(world.URL))).memory.pairs == kept.pairs
    plan = make_plan(world.make_desired(group=None), world.actual([world.person(1)]), kept)
    assert plan.drift[0].kind == "Missing", "the account is known as ours"


async def test_state_of_an_earlier_version_is_found_by_the_url_as_it_was_written() -> None:
    api = FakeApi()
    written = "https://SCIM.example.com:443/scim/v2/acme"
    kept = world.memory([world.account_of(world.person(1))], tenant=written)
    old = f"scim-state-{hashlib.sha256(written.encode()).hexdigest()[:16]}"
    await StateStore(api, "team").save(old, encode_memory(kept), About("team", "team/calendly"))
    spec = {**INTEGRATION, "provider": {**INTEGRATION["provider"], "baseUrl": written}}
    mover = Mover(api, "ops", ManualClock(world.NOW), "lease", "")
    await mover.move([body("ScimIntegration", spec=spec)])
    assert [name for name in api.objects if old in name] == []
    held = await Memories(StateStore(api, "ops")).load(integration_with(world.URL))
    assert held.memory.pairs == kept.pairs
