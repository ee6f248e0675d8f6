"""Settings of the Okta app: username format, group attribute, mappings, custom attributes nobody maps."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from controller.model.actual import AppAttribute, ProfileMapping
from controller.model.plan import Plan
from controller.planning.base.desired import Desired
from controller.planning.make_plan import make_plan
from tests.unit.planning.world import actual, desired_groups, expression, make_desired, memory, with_app

URN = "urn:calendly:scim:schemas:2.0:User"
GROUP_ATTRIBUTE = AppAttribute("calendlyGroup", "Calendly group", "group", URN, "SELF")
BASE = frozenset({"givenName", "email", "userName", "title"})
MAPPED = {
    "givenName": ("user.firstName", "PUSH"),
    "email": ("user.email", "PUSH"),
    "calendlyGroup": ("user.department", "PUSH"),
    "userName": ("user.login", "PUSH"),
}
MAPPING = ProfileMapping("m1", "default", MAPPED)


def plan(desired: Desired, settled: frozenset[str] = frozenset(), **app: Any) -> Plan:
    given = {
        "attributes": (GROUP_ATTRIBUTE,),
        "base_attributes": BASE,
        "mappings": (MAPPING,),
        "connection_status": "UNKNOWN",
    }
    return make_plan(desired, with_app(actual(), **{**given, **app}), memory(settled=settled))


def okta(**changes: Any) -> Desired:
    return make_desired(by="Okta", **changes)


def keys(made: Plan) -> list[str]:
    return [action.key for action in made.actions]


def test_an_app_as_declared_is_left_alone_and_settled() -> None:
    made = plan(okta())
    assert keys(made) == []
    assert len(made.settled) == 2, "the attribute and the mapping"
    assert keys(plan(okta(), attributes=None)) == [], "what was not read is not planned"


FORMATS = (
    ("Email", "${source.email}", False),
    ("EmailLowercase", "${fn:toLowerCase(source.email)}", True),
    ("OktaUsername", "${source.login}", True),
)


@pytest.mark.parametrize(("name", "template", "differs"), FORMATS)
def test_the_username_format_is_set_where_it_differs(name: str, template: str, differs: bool) -> None:
    made = plan(make_desired(username_format=name))
    assert keys(made) == (["SetUsernameFormat/0oa1"] if differs else [])
    if differs:
        assert made.actions[0].after == (("template", template), ("type", "BUILT_IN"))
        assert dict(made.actions[0].before)["template"] == "${source.email}"


def test_an_app_that_okta_pushes_is_replaced_only_where_that_is_allowed() -> None:
    pushing = frozenset({"PUSH_NEW_USERS"})
    refused = plan(okta(username_format="OktaUsername"), features=pushing)
    assert "SetUsernameFormat/0oa1" not in keys(refused)
    assert "username-format" in [step.step_id for step in refused.steps]
    allowed = plan(okta(username_format="OktaUsername", allow_app_replace=True), features=pushing)
    assert "SetUsernameFormat/0oa1" in keys(allowed)


def test_a_group_attribute_that_lacks_is_added_before_it_is_mapped() -> None:
    bare = replace(MAPPING, properties={k: v for k, v in MAPPED.items() if k != "calendlyGroup"})
    made = plan(okta(), attributes=(), mappings=(bare,))
    assert keys(made) == ["AddAppAttribute/calendlyGroup", "SetMapping/m1"]
    assert dict(made.actions[0].after)["externalNamespace"] == URN
    assert made.actions[1].needs == ("AddAppAttribute/calendlyGroup",)
    assert dict(made.actions[1].after) == {
        "calendlyGroup": "user.department",
        "calendlyGroup.pushStatus": "PUSH",
    }


def test_an_attribute_of_the_external_name_counts_whatever_it_is_called() -> None:
    other = replace(GROUP_ATTRIBUTE, name="team")
    renamed = {("team" if k == "calendlyGroup" else k): v for k, v in MAPPED.items()}
    assert keys(plan(okta(), attributes=(other,), mappings=(replace(MAPPING, properties=renamed),))) == []


@pytest.mark.parametrize("taken", ["CALENDLYGROUP", "calendlyGroup"])
def test_a_name_that_another_attribute_has_is_told_and_nothing_is_mapped_to_it(taken: str) -> None:
    other = replace(GROUP_ATTRIBUTE, name=taken, external_name="something")
    bare = replace(MAPPING, properties={k: v for k, v in MAPPED.items() if k != "calendlyGroup"})
    made = plan(okta(), attributes=(other,), mappings=(bare,))
    assert keys(made) == []
    assert [(p.reason, p.field) for p in made.problems] == [
        ("AttributeNameTaken", "spec.groups.attribute.name")
    ]


def test_without_groups_no_attribute_is_asked_for() -> None:
    bare = replace(MAPPING, properties={k: v for k, v in MAPPED.items() if k != "calendlyGroup"})
    assert keys(plan(okta(group=None), attributes=(), mappings=(bare,))) == []


def test_every_user_type_has_its_own_source_and_the_others_the_default() -> None:
    sources = {"default": expression("user.department"), "contractor": expression("user.firstName")}
    mappings = (MAPPING, replace(MAPPING, mapping_id="m2", user_type="contractor"))
    made = plan(okta(group=desired_groups(sources=sources)), mappings=mappings)
    assert keys(made) == ["SetMapping/m2"]
    assert made.actions[0].why == "calendlyGroup is declared as user.firstName"
    only = desired_groups(sources={"contractor": expression("user.firstName")})
    assert keys(plan(okta(group=only), mappings=mappings)) == ["SetMapping/m2"], "the default type has none"


def test_exact_takes_every_other_mapping_away_but_the_user_name() -> None:
    more = {**MAPPED, "title": ("user.title", "PUSH")}
    extra = (replace(MAPPING, properties=more),)
    assert keys(plan(okta(), mappings=extra)) == [], "Additive touches what is declared only"
    (action,) = plan(okta(attribute_policy="Exact"), mappings=extra).actions
    assert dict(action.before) == {"title": "user.title", "title.pushStatus": "PUSH"}
    assert dict(action.after) == {"title": None}
    assert action.why == "title is mapped and not declared"


def test_a_target_that_the_app_lacks_is_told_once_with_its_field() -> None:
    mappings = (MAPPING, replace(MAPPING, mapping_id="m2", user_type="contractor"))
    made = plan(okta(), base_attributes=BASE - {"email"}, mappings=mappings)
    assert [(p.reason, p.field) for p in made.problems] == [
        ("AttributeNotFound", "spec.attributes.items[1].target")
    ]
    assert keys(made) == []
    assert plan(okta(), base_attributes=frozenset()).problems == (), "where they were not read, none lacks"


def test_custom_attributes_that_nothing_maps_go_once_the_mapping_is_saved() -> None:
    stale = AppAttribute("nickName", "", "nickName", "", "SELF")
    more = {**MAPPED, "nickName": ("user.nickName", "PUSH")}
    pruning = okta(attribute_policy="Exact", prune_schema=True)
    made = plan(pruning, attributes=(GROUP_ATTRIBUTE, stale), mappings=(replace(MAPPING, properties=more),))
    assert keys(made) == ["SetMapping/m1", "RemoveAppAttribute/nickName"]
    assert (made.actions[1].label, made.actions[1].needs) == ("nickName", ("SetMapping/m1",))
    assert keys(plan(okta(prune_schema=True), attributes=(GROUP_ATTRIBUTE, stale))) == []


def test_a_mapping_that_was_as_declared_and_differs_now_was_edited_by_hand() -> None:
    settled = plan(okta()).settled
    edited = replace(MAPPING, properties={**MAPPED, "email": ("user.secondEmail", "PUSH")})
    made = plan(okta(), settled, mappings=(edited,))
    assert [(d.kind.value, d.where, d.what, d.expected, d.actual) for d in made.drift] == [
        ("Setting", "Okta", "mapping of email for user type default", "user.email", "user.secondEmail")
    ]
    assert keys(made) == ["SetMapping/m1"]
    gone = replace(MAPPING, properties={k: v for k, v in MAPPED.items() if k != "email"})
    assert plan(okta(), settled, mappings=(gone,)).drift[0].actual is None
    extra = replace(MAPPING, properties={**MAPPED, "title": ("user.title", "PUSH")})
    exact = okta(attribute_policy="Exact")
    assert plan(exact, plan(exact).settled, mappings=(extra,)).drift[0].expected is None
