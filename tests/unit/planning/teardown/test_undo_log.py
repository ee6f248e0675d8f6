"""What was set up is noted down with every write; what is put back is what still is as it was left."""

from __future__ import annotations

from dataclasses import replace

import pytest

from controller.model.actions import Action, ActionKind, Touch
from controller.model.actual import AppAttribute, AppState, Made, Memory, ProfileMapping
from controller.model.people import Value
from controller.planning.seats.former_groups import made_of
from controller.planning.teardown.undo_log import note_made, plan_restoring
from tests.unit.planning.world import APP, make_desired

Fields = tuple[tuple[str, Value], ...]
FORMAT = (("template", "${source.login}"), ("type", "BUILT_IN"))
EMAIL = (("template", "${source.email}"), ("type", "BUILT_IN"))
URN = "urn:calendly:scim:schemas:2.0:User"
ATTRIBUTE = AppAttribute("team", "Team", "group", URN, "SELF")
ADDED = Made(ActionKind.ADD_APP_ATTRIBUTE, "team", (), (("title", "Team"), ("externalName", "group")))
MAPPED = Made(
    ActionKind.SET_MAPPING,
    "m1",
    (("team", None), ("team.pushStatus", None), ("title", "user.title"), ("title.pushStatus", "PUSH")),
    (("team", "user.department"), ("team.pushStatus", "PUSH"), ("title", None)),
)
NOW_MAPPED = {"team": ("user.department", "PUSH"), "email": ("user.email", "PUSH")}
PUSHES = frozenset({"PUSH_NEW_USERS", "PUSH_PROFILE_UPDATES"})


def did(kind: ActionKind, subject: str, before: Fields = (), after: Fields = ()) -> Action:
    return Action(kind, subject, subject, Touch.SETTING, before, after, "a test")


def noted(*actions: Action, ids: str = "") -> dict[str, Made]:
    return dict(note_made({}, [(action, ids) for action in actions]))


# Noting down.


def test_a_setting_keeps_what_was_there_first_and_what_was_left_last() -> None:
    first = did(ActionKind.SET_USERNAME_FORMAT, "0oa1", EMAIL, FORMAT)
    again = did(ActionKind.SET_USERNAME_FORMAT, "0oa1", FORMAT, (("template", "x"), ("type", "CUSTOM")))
    (one,) = noted(first, again).values()
    assert dict(one.before) == dict(EMAIL)
    assert dict(one.after) == {"template": "x", "type": "CUSTOM"}
    back = did(ActionKind.SET_USERNAME_FORMAT, "0oa1", FORMAT, EMAIL)
    assert noted(first, back) == {}, "it is again as it was"


@pytest.mark.parametrize(
    ("made", "unmade"),
    [
        (ActionKind.ADD_APP_ATTRIBUTE, ActionKind.REMOVE_APP_ATTRIBUTE),
        (ActionKind.ASSIGN_GROUP, ActionKind.UNASSIGN_GROUP),
        (ActionKind.ASSIGN_USER, ActionKind.UNASSIGN_USER),
        (ActionKind.ADD_TO_SEAT_GROUP, ActionKind.REMOVE_FROM_SEAT_GROUP),
        (ActionKind.CREATE_SEAT_GROUP, ActionKind.DELETE_SEAT_GROUP),
        (ActionKind.ENABLE_CONNECTION, ActionKind.DISABLE_CONNECTION),
    ],
)
def test_what_is_taken_away_is_forgotten(made: ActionKind, unmade: ActionKind) -> None:
    assert list(noted(did(made, "it"))) == [f"{made.value}/it"]
    assert noted(did(made, "it"), did(unmade, "it")) == {}
    assert noted(did(unmade, "it")) == {}


def test_what_is_not_in_okta_is_not_noted() -> None:
    assert noted(did(ActionKind.DEACTIVATE_ACCOUNT, "00u1"), did(ActionKind.SAVE_GROUP_TABLE, "t")) == {}


def test_a_created_group_stands_for_its_members_and_is_known_by_its_id() -> None:
    made = noted(
        did(ActionKind.CREATE_SEAT_GROUP, "Seats"),
        did(ActionKind.ASSIGN_GROUP, "Seats"),
        did(ActionKind.ADD_TO_SEAT_GROUP, "00u1"),
        ids="00g9",
    )
    assert sorted(made) == ["AssignGroup/00g9", "CreateSeatGroup/Seats"]
    assert dict(made["CreateSeatGroup/Seats"].after) == {"id": "00g9"}
    unsure = noted(did(ActionKind.CREATE_SEAT_GROUP, "Seats"), did(ActionKind.ASSIGN_GROUP, "Seats"))
    assert sorted(unsure) == ["AssignGroup/Seats", "CreateSeatGroup/Seats"]


def test_a_group_that_was_assigned_is_ours_whatever_its_priority_became() -> None:
    later = did(ActionKind.ASSIGN_GROUP, "g1", (("priority", 0),), (("priority", 3),))
    assert noted(did(ActionKind.ASSIGN_GROUP, "g1"), later)["AssignGroup/g1"].before == ()


def test_what_was_set_up_on_another_app_is_left_there() -> None:
    remembered = Memory(app_id="0oa9", made={ADDED.key: ADDED})
    assert made_of(remembered, APP) == {}
    assert made_of(replace(remembered, app_id=APP.app_id), APP) == {ADDED.key: ADDED}
    assert made_of(replace(remembered, app_id=""), APP) == {ADDED.key: ADDED}


# Putting back.


def restored(*made: Made, allow: bool = False, **app: object) -> list[Action]:
    state: AppState = replace(APP, **{"base_attributes": frozenset({"title"}), **app})  # type: ignore[arg-type]
    return list(plan_restoring(make_desired(allow_app_replace=allow), state, made, ("AGate/x",)))


def test_a_username_format_goes_back_only_where_it_is_as_it_was_left() -> None:
    made = Made(ActionKind.SET_USERNAME_FORMAT, "0oa1", FORMAT, EMAIL)
    (action,) = restored(made)
    assert (action.before, action.after, action.needs) == (EMAIL, FORMAT, ("AGate/x",))
    assert restored(made, username_template="${source.other}") == []
    assert restored(made, username_template_type="CUSTOM") == []


def test_an_app_that_still_pushes_is_not_replaced_for_its_username_format() -> None:
    made = Made(ActionKind.SET_USERNAME_FORMAT, "0oa1", FORMAT, EMAIL)
    assert restored(made, features=PUSHES) == []
    assert len(restored(made, features=PUSHES, allow=True)) == 1
    off = (("create", "DISABLED"), ("update", "DISABLED"))
    on = (("create", "ENABLED"), ("update", "ENABLED"))
    switched = Made(ActionKind.SET_TO_APP, "0oa1", off, on)
    kinds = [action.kind for action in restored(made, switched, features=PUSHES)]
    assert kinds == [ActionKind.SET_TO_APP, ActionKind.SET_USERNAME_FORMAT], "it stops pushing first"


def test_each_switch_goes_back_by_itself() -> None:
    off = (("create", "DISABLED"), ("update", "DISABLED"), ("deactivate", "ENABLED"))
    on = (("create", "ENABLED"), ("update", "ENABLED"), ("deactivate", "DISABLED"))
    made = Made(ActionKind.SET_TO_APP, "0oa1", off, on)
    (action,) = restored(made, features=frozenset({"PUSH_NEW_USERS"}))
    assert dict(action.after) == {"create": "DISABLED", "deactivate": "ENABLED"}, "update is off already"


@pytest.mark.parametrize(
    ("was", "status", "url", "goes"),
    [
        ("DISABLED", "ENABLED", "https://scim.example.com/a", True),
        ("DISABLED", "ENABLED", "", True),
        ("DISABLED", "ENABLED", "https://other.example.com", False),
        ("DISABLED", "DISABLED", "https://scim.example.com/a", False),
        ("ENABLED", "ENABLED", "https://scim.example.com/a", False),
    ],
)
def test_a_connection_that_was_off_is_turned_off(was: str, status: str, url: str, goes: bool) -> None:
    before = (("baseUrl", "https://old.example.com"), ("status", was))
    after = (("baseUrl", "https://scim.example.com/a"), ("status", "ENABLED"))
    made = Made(ActionKind.ENABLE_CONNECTION, "0oa1", before, after)
    found = restored(made, connection_status=status, connection_url=url)
    assert [action.kind for action in found] == [ActionKind.DISABLE_CONNECTION] * goes


def test_a_mapping_goes_back_before_the_attribute_that_it_fills() -> None:
    mapping = ProfileMapping("m1", "default", NOW_MAPPED)
    mapped, removed = restored(MAPPED, ADDED, attributes=(ATTRIBUTE,), mappings=(mapping,))
    assert dict(mapped.after) == dict(MAPPED.before)
    assert (removed.kind, removed.subject) == (ActionKind.REMOVE_APP_ATTRIBUTE, "team")
    assert removed.needs == ("AGate/x", "SetMapping/m1")


def test_what_somebody_has_mapped_since_stays_and_so_does_its_attribute() -> None:
    by_hand = {**NOW_MAPPED, "team": ("user.division", "PUSH")}
    mapping = ProfileMapping("m1", "default", by_hand)
    (mapped,) = restored(MAPPED, ADDED, attributes=(ATTRIBUTE,), mappings=(mapping,))
    assert dict(mapped.after) == {"title": "user.title", "title.pushStatus": "PUSH"}


def test_what_is_gone_is_not_taken_away_again() -> None:
    assert restored(MAPPED, ADDED) == []
    assert restored(MAPPED, ADDED, attributes=(), mappings=()) == []
    other = replace(ATTRIBUTE, external_name="other")
    assert restored(ADDED, attributes=(other,), mappings=()) == [], "another attribute of that name"
    bare = replace(ATTRIBUTE, title="")
    assert [action.label for action in restored(ADDED, attributes=(bare,), mappings=())] == ["team"]


def test_a_mapping_that_is_again_as_it_was_needs_nothing() -> None:
    mapping = ProfileMapping("m1", "default", {"title": ("user.title", "PUSH")})
    assert restored(MAPPED, mappings=(mapping,)) == []


def test_nothing_is_mapped_to_an_attribute_that_was_pruned() -> None:
    mapping = ProfileMapping("m1", "default", NOW_MAPPED)
    (mapped,) = restored(MAPPED, mappings=(mapping,), base_attributes=frozenset())
    assert dict(mapped.after) == {"team": None, "team.pushStatus": None}
