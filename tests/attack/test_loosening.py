"""Who may edit may not loosen: the policies of admissionPolicy.guardLoosening, over specs by chance.

Judged by a comparison in plain Python that knows neither CEL nor the CRDs, only what the fields mean.
"""

from __future__ import annotations

import copy
from datetime import timedelta
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controller.api.crds import build_crds
from controller.api.scim_integration import ScimIntegrationSpec
from controller.planning.desired.build import _safeguards
from controller.planning.policy.change_limits import allowed
from controller.schema.structural import Structural, compile_schema
from tests.attack.policies import Policy, Request, policy
from tests.contract.chart.rendering import of_kind, render
from tests.unit.reconcile.reports import INTEGRATION, ORG

JSON = dict[str, Any]
GUARDED: JSON = {"admissionPolicy": {"guardLoosening": True}}
NAMESPACE, NAME = "team", "calendly"
INTEGRATIONS, ORGS = "scimintegrations", "oktaorgs"
PLAIN: JSON = {name: INTEGRATION[name] for name in ("okta", "provider", "provisioning")}
"""Nothing but what is required."""


@cache
def guard(resource: str) -> Policy:
    return policy(resource, "-loosen" if resource == INTEGRATIONS else "-loosen-protected", GUARDED)


@cache
def schema(resource: str) -> Structural:
    (crd,) = [one for one in build_crds() if one["spec"]["names"]["plural"] == resource]
    return compile_schema(crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"])


def stored(resource: str, spec: JSON | None) -> JSON | None:
    """The object as an API server has it, defaults filled in; None for None."""
    if spec is None:
        return None
    body = {"metadata": {"namespace": NAMESPACE, "name": NAME}, "spec": copy.deepcopy(spec)}
    found = schema(resource)
    body = found.default(body)
    assert not found.validate(body), "the test's own spec is one that the API server takes"
    return body


def ask(resource: str, old: JSON | None, new: JSON | None, *, approver: bool = False, **more: Any) -> str:
    """What the policy says to it; "" if it lets it through."""
    verb = ("scim-operator.dev", resource, NAMESPACE, NAME, "approve")
    may = frozenset({verb}) if approver else frozenset[Any]()
    request = Request(stored(resource, old), stored(resource, new), may, **more)
    return "\n".join(guard(resource).refusals(request))


# Specs by chance. Few values, so that two specs often agree in most fields; the defaults are among them.

DURATIONS = ("24h", "1440m", "86400s", "1h", "60m", "1.5h", "90m", "1h30m", "168h", "2h0m0s", "23h59m59.999s")
numbers = st.sampled_from([0, 1, 4, 5, 6, 10, 20, 21, 100])
counts = st.sampled_from([0, 5, 19, 20, 21, 199, 200, 201, 2**31])


def some(**fields: Any) -> Any:
    """An object that has any of `fields`."""
    return st.fixed_dictionaries({}, optional=fields)


guards = some(
    window=st.sampled_from(DURATIONS),
    minimum=numbers,
    removals=some(count=counts, percent=numbers),
    changes=some(count=counts, percent=numbers),
    leavers=some(count=counts),
)
changes = some(
    mode=st.sampled_from(["Observe", "Approve", "Enforce"]),
    deletionPolicy=st.sampled_from(["Orphan", "Deprovision"]),
    adoption=some(
        mayDeactivate=st.booleans(),
        foreignExternalId=st.sampled_from(["Refuse", "AdoptIfOwnerDeprovisioned"]),
    ),
    safeguards=guards,
    drift=st.sampled_from(["Correct", "Report"]),
    suspend=st.booleans(),
    interval=st.sampled_from(["1h", "5m"]),
)
references = st.sampled_from([{"name": "acme"}, {"name": "acme", "namespace": NAMESPACE}, {"name": "other"}])
specs = st.builds(
    lambda change, ref: {**PLAIN, "okta": {**PLAIN["okta"], "orgRef": ref}, **change},
    changes,
    st.one_of(st.just({"name": "acme"}), references),
)


def meaning(spec: JSON) -> ScimIntegrationSpec:
    return ScimIntegrationSpec.model_validate(spec)


def span(text: str) -> timedelta:
    """A duration of DURATIONS, without the parsers of the project."""
    total, number = timedelta(), ""
    for sign in text:
        if sign.isdigit() or sign == ".":
            number += sign
        else:
            total += timedelta(**{{"h": "hours", "m": "minutes", "s": "seconds"}[sign]: float(number)})
            number = ""
    return total


RANKS = ["Observe", "Approve", "Enforce"]
SHARED = {"removals": ("count", "percent"), "changes": ("count", "percent"), "leavers": ("count",)}


def looser(old: JSON | None, new: JSON) -> set[str]:
    """Fields in which `new` allows more than `old` does, or than the defaults do."""
    was, now = meaning(old if old is not None else PLAIN), meaning(new)
    before, after = was.safeguards, now.safeguards
    found = {
        "spec.mode": RANKS.index(now.mode) > RANKS.index(was.mode),
        "spec.deletionPolicy": (was.deletion_policy, now.deletion_policy) == ("Orphan", "Deprovision"),
        "spec.adoption.mayDeactivate": now.adoption.may_deactivate > was.adoption.may_deactivate,
        "spec.adoption.foreignExternalId": (
            was.adoption.foreign_external_id == "Refuse" != now.adoption.foreign_external_id
        ),
        "spec.safeguards.minimum": after.minimum > before.minimum,
        "spec.safeguards.window": span(after.window) < span(before.window),
    }
    for part, fields in SHARED.items():
        for field in fields:
            more = getattr(getattr(after, part), field) > getattr(getattr(before, part), field)
            found[f"spec.safeguards.{part}.{field}"] = more
    if old is not None:
        places = [(one.okta.org_ref.namespace or NAMESPACE, one.okta.org_ref.name) for one in (was, now)]
        found["spec.okta.orgRef"] = places[0] != places[1]
    return {name for name, is_looser in found.items() if is_looser}


@settings(max_examples=150, deadline=None)
@given(st.one_of(st.none(), specs), specs)
def test_loosening_needs_the_verb_and_every_loosened_field_is_named(old: JSON | None, new: JSON) -> None:
    told, expected = ask(INTEGRATIONS, old, new), looser(old, new)
    named = told.removeprefix("loosening ").partition(" needs the verb approve on scimintegrations")[0]
    assert set(filter(None, named.split(", "))) == expected
    assert ask(INTEGRATIONS, old, new, approver=True) == ""


@settings(max_examples=100, deadline=None)
@given(guards, guards, st.integers(0, 5000))
def test_no_change_that_is_let_through_lets_more_people_be_touched(old: JSON, new: JSON, owned: int) -> None:
    before, after = {**PLAIN, "safeguards": old}, {**PLAIN, "safeguards": new}
    if ask(INTEGRATIONS, before, after):
        return
    was, now = (_safeguards(meaning(spec).safeguards) for spec in (before, after))
    assert now.window >= was.window
    for part in SHARED:
        limits = [allowed(getattr(one, part), one.minimum, owned) for one in (was, now)]
        assert limits[1] <= limits[0]


@settings(max_examples=60, deadline=None)
@given(specs)
def test_what_stays_the_same_is_free(spec: JSON) -> None:
    assert ask(INTEGRATIONS, spec, spec) == ""


ENFORCING = {**PLAIN, "mode": "Enforce", "deletionPolicy": "Deprovision"}
TIGHT = {**PLAIN, "safeguards": {"removals": {"count": 1}, "window": "168h"}}


def test_removing_a_field_is_going_back_to_the_default() -> None:
    assert "spec.safeguards.removals.count, spec.safeguards.window" in ask(INTEGRATIONS, TIGHT, PLAIN)
    assert ask(INTEGRATIONS, ENFORCING, PLAIN) == ""


def test_creating_is_held_to_the_defaults_so_that_creating_again_is_no_way_around() -> None:
    assert ask(INTEGRATIONS, None, ENFORCING).startswith("loosening spec.mode, spec.deletionPolicy needs")
    assert ask(INTEGRATIONS, None, PLAIN) == "" == ask(INTEGRATIONS, None, TIGHT)


def test_an_approver_of_another_name_or_namespace_is_none_here() -> None:
    elsewhere = frozenset(
        {
            ("scim-operator.dev", INTEGRATIONS, "other", NAME, "approve"),
            ("scim-operator.dev", INTEGRATIONS, NAMESPACE, "other", "approve"),
            ("scim-operator.dev", INTEGRATIONS, NAMESPACE, NAME, "update"),
            ("scim-operator.dev", ORGS, NAMESPACE, NAME, "approve"),
        }
    )
    request = Request(stored(INTEGRATIONS, PLAIN), stored(INTEGRATIONS, ENFORCING), elsewhere)
    assert len(guard(INTEGRATIONS).refusals(request)) == 1


# protected.

logins = st.lists(st.sampled_from(["root@acme.com", "Root@acme.com", "ada@acme.com", "00u1"]), unique=True)
orgs = st.builds(lambda found: {**ORG, "protected": found}, logins) | st.just(ORG)


@settings(max_examples=60, deadline=None)
@given(orgs, orgs)
def test_logins_leave_the_protected_ones_with_the_verb_only(old: JSON, new: JSON) -> None:
    told = ask(ORGS, old, new)
    lost = set(old.get("protected", ())) - set(new.get("protected", ()))
    assert bool(told) == bool(lost)
    assert "needs the verb approve on oktaorgs in namespace team" in told or not lost
    assert ask(ORGS, old, new, approver=True) == ""


SHIELDED = {**ORG, "protected": ["root@acme.com"]}
CONTROLLERS: list[JSON] = [
    {"user": "system:kube-controller-manager"},
    {
        "user": "system:serviceaccount:kube-system:namespace-controller",
        "groups": ("system:serviceaccounts", "system:serviceaccounts:kube-system"),
    },
]


def test_deleting_an_org_that_protects_somebody_needs_the_verb() -> None:
    assert "needs the verb approve" in ask(ORGS, SHIELDED, None)
    assert ask(ORGS, SHIELDED, None, approver=True) == "" == ask(ORGS, ORG, None)
    assert ask(ORGS, None, ORG) == ""
    foreign = ("system:serviceaccounts", "system:serviceaccounts:team")
    assert ask(ORGS, SHIELDED, None, groups=foreign) != ""


@pytest.mark.parametrize("who", CONTROLLERS)
def test_the_controllers_that_end_a_namespace_delete_it_and_loosen_nothing(who: JSON) -> None:
    assert ask(ORGS, SHIELDED, None, **who) == ""
    assert ask(ORGS, SHIELDED, ORG, **who) != ""


# The chart.


def test_the_guard_is_off_by_default_and_denies_when_it_is_on() -> None:
    names = {one["metadata"]["name"] for one in of_kind(render({}), "ValidatingAdmissionPolicy")}
    assert not any("loosen" in name for name in names)
    documents = render(GUARDED)
    policies = {
        one["metadata"]["name"]: one["spec"] for one in of_kind(documents, "ValidatingAdmissionPolicy")
    }
    bound = {
        one["spec"]["policyName"]: one["spec"]["validationActions"]
        for one in of_kind(documents, "ValidatingAdmissionPolicyBinding")
    }
    assert bound == {name: ["Deny"] for name in policies}
    assert all(spec["failurePolicy"] == "Fail" for spec in policies.values())
    assert sum("loosen" in name for name in policies) == 2


def test_who_has_the_charts_role_for_approvers_may_loosen() -> None:
    (role,) = [
        one for one in of_kind(render(GUARDED), "ClusterRole") if one["metadata"]["name"].endswith("-approve")
    ]
    granted = {res for rule in role["rules"] if "approve" in rule["verbs"] for res in rule["resources"]}
    assert granted == {INTEGRATIONS, ORGS}
