"""What was set up in Okta, noted down with every write, and the settings put back as they were.

Called by after_run and before_run, which note it down, and by teardown, which undoes it. A setting is put
back only where it still is as the operator left it: what somebody has changed since is theirs. What was
taken away (an assignment, an attribute that nothing mapped) is not given back: a deletion lets nobody in.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby

from controller.model.actions import Action, ActionKind, Touch
from controller.model.actual import AppState, Made
from controller.model.people import Value
from controller.planning.base.desired import Desired
from controller.planning.okta.app_settings import PUSH_STATUS
from controller.planning.okta.manual_steps import SWITCHES
from controller.planning.seats.former_groups import GROUP_ID

WHY = "the ScimIntegration is being deleted with deletionPolicy: Deprovision"
_NOTED = frozenset(
    {
        ActionKind.SET_USERNAME_FORMAT,
        ActionKind.ADD_APP_ATTRIBUTE,
        ActionKind.SET_MAPPING,
        ActionKind.ENABLE_CONNECTION,
        ActionKind.SET_TO_APP,
        ActionKind.CREATE_SEAT_GROUP,
        ActionKind.ASSIGN_GROUP,
        ActionKind.ASSIGN_USER,
        ActionKind.ADD_TO_SEAT_GROUP,
    }
)
REVERSES = {
    ActionKind.REMOVE_APP_ATTRIBUTE: ActionKind.ADD_APP_ATTRIBUTE,
    ActionKind.DISABLE_CONNECTION: ActionKind.ENABLE_CONNECTION,
    ActionKind.DELETE_SEAT_GROUP: ActionKind.CREATE_SEAT_GROUP,
    ActionKind.UNASSIGN_GROUP: ActionKind.ASSIGN_GROUP,
    ActionKind.UNASSIGN_USER: ActionKind.ASSIGN_USER,
    ActionKind.REMOVE_FROM_SEAT_GROUP: ActionKind.ADD_TO_SEAT_GROUP,
}
"""Kinds that take away what another kind has set up."""
Fields = tuple[tuple[str, Value], ...]


def note_made(
    made: Mapping[str, Made], written: Iterable[tuple[Action, str]], *, has_group: bool = False
) -> Mapping[str, Made]:
    """`made` after the actions of `written`, each with the id that its target has given, "" for none.
    `has_group`: the seat group in use was created by the operator."""
    noted = dict(made)
    ids: dict[str, str] = {}
    # Members of a group that is deleted whole need no entry each.
    for action, remote_id in written:
        if action.kind in REVERSES:
            noted.pop(f"{REVERSES[action.kind].value}/{action.subject}", None)
            has_group = has_group and action.kind is not ActionKind.DELETE_SEAT_GROUP
            _release(noted, action)
        elif action.kind is ActionKind.CREATE_SEAT_GROUP:
            ids[action.subject], has_group = remote_id, True
            after = ((GROUP_ID, remote_id),) if remote_id else ()
            _put(noted, Made(action.kind, action.subject, (), after))
        elif action.kind in _NOTED and not (has_group and action.kind is ActionKind.ADD_TO_SEAT_GROUP):
            subject = ids.get(action.subject) or action.subject
            _put(noted, _merged(noted, Made(action.kind, subject, action.before, action.after)))
    return noted


def _release(noted: dict[str, Made], action: Action) -> None:
    """Forgets the creation of a seat group that `action` deletes by its id, or leaves to people: a former one
    that is off the app is theirs."""
    if action.kind is ActionKind.DELETE_SEAT_GROUP or action.is_switchover:
        created = [one for one in noted.values() if one.kind is ActionKind.CREATE_SEAT_GROUP]
        for one in created:
            known = dict(one.after).get(GROUP_ID)
            if known == action.subject or (known is None and one.subject == action.label):
                del noted[one.key]


def _merged(made: Mapping[str, Made], new: Made) -> Made:
    """What was there before the first write, and what the last one left."""
    old = made.get(new.key)
    if old is None:
        return new
    # A group whose priority changed later was assigned by the first write: there was nothing before.
    before = tuple({**dict(new.before), **dict(old.before)}.items()) if old.before else ()
    return Made(new.kind, new.subject, before, tuple({**dict(old.after), **dict(new.after)}.items()))


def _put(made: dict[str, Made], one: Made) -> None:
    """An entry; none for a setting that is again as it was."""
    if one.before and dict(one.before) == dict(one.after):
        made.pop(one.key, None)
    else:
        made[one.key] = one


# Settings, put back.


def plan_restoring(
    desired: Desired, app: AppState, made: Iterable[Made], needs: tuple[str, ...]
) -> Iterator[Action]:
    """Actions that put the app's settings back, in the order of a run: first Okta stops pushing, then what it
    pushes by is taken apart. Each needs those of `needs`."""
    by_kind: dict[ActionKind, list[Made]] = {}
    for one in sorted(made, key=lambda one: one.key):
        by_kind.setdefault(one.kind, []).append(one)
    pushing = {feature for feature in app.features if feature.startswith("PUSH_")}
    for one in by_kind.get(ActionKind.SET_TO_APP, ()):
        for action in _put_back(app, one, needs):
            yield action
            off = {name for name, value in action.after if value == "DISABLED"}
            pushing -= {feature for name, feature, _ in SWITCHES.values() if name in off}
    for one in by_kind.get(ActionKind.ENABLE_CONNECTION, ()):
        yield from _disconnect(app, one, needs)
    unmapped: list[Action] = []
    for one in by_kind.get(ActionKind.SET_MAPPING, ()):
        unmapped += _put_back(app, one, needs)
    yield from unmapped
    for one in by_kind.get(ActionKind.ADD_APP_ATTRIBUTE, ()):
        yield from _remove_attribute(app, one, unmapped, needs)
    for one in by_kind.get(ActionKind.SET_USERNAME_FORMAT, ()):
        # Replacing an app that still pushes has wiped SCIM settings.
        yield from () if pushing and not desired.allow_app_replace else _put_back(app, one, needs)


def _put_back(app: AppState, made: Made, needs: tuple[str, ...]) -> Iterator[Action]:
    """The action that restores the parts of a setting that are still as they were left."""
    now, before, after = _now(app, made), dict(made.before), dict(made.after)
    pruned, kept = _pruned(app, made), list[str]()
    for place, group in groupby(sorted({*before, *after}), key=lambda name: _part(made.kind, name)):
        part = list(group)
        is_ours = now is not None and all(now.get(name) == after.get(name) for name in part)
        differs = any(before.get(name) != after.get(name) for name in part)
        if is_ours and differs and (before.get(place) is None or place not in pruned):
            kept += part
    if kept:
        was, restored = (tuple((name, fields.get(name)) for name in kept) for fields in (after, before))
        yield _setting(made.kind, made.subject, app.label, was, restored, needs)


def _part(kind: ActionKind, name: str) -> str:
    """What has to be as it was left for the field to be put back: the username format as a whole, a mapping
    with its push status, a switch alone."""
    return "" if kind is ActionKind.SET_USERNAME_FORMAT else name.removesuffix(PUSH_STATUS)


def _pruned(app: AppState, made: Made) -> frozenset[str]:
    """Attributes of a mapping that the app has no more: nothing can be mapped to them."""
    if made.kind is not ActionKind.SET_MAPPING:
        return frozenset()
    present = {*app.base_attributes, *(one.name for one in app.attributes or ())}
    return frozenset(name for name, _ in made.before if name not in present)


def _now(app: AppState, made: Made) -> Mapping[str, Value] | None:
    """The fields of `made` as they were read; None where it is gone."""
    if made.kind is ActionKind.SET_USERNAME_FORMAT:
        return {"template": app.username_template, "type": app.username_template_type}
    if made.kind is ActionKind.SET_TO_APP:
        return {name: _switch(app, feature) for name, feature, _ in SWITCHES.values()}
    found = next((one for one in app.mappings or () if one.mapping_id == made.subject), None)
    if found is None:
        return None
    fields: dict[str, Value] = {}
    for name, (expression, push) in found.properties.items():
        fields |= {name: expression, name + PUSH_STATUS: push}
    return fields


def _switch(app: AppState, feature: str) -> str:
    return "ENABLED" if feature in app.features else "DISABLED"


def _disconnect(app: AppState, made: Made, needs: tuple[str, ...]) -> Iterator[Action]:
    """Turns off a connection that was off. One that led elsewhere stays: its token is not known."""
    was_off = dict(made.before).get("status") == "DISABLED"
    is_ours = app.connection_url in ("", dict(made.after).get("baseUrl"))
    if was_off and is_ours and app.connection_status == "ENABLED":
        fields: tuple[Fields, Fields] = (("status", "ENABLED"),), (("status", "DISABLED"),)
        yield _setting(ActionKind.DISABLE_CONNECTION, made.subject, app.label, *fields, needs)


def _remove_attribute(
    app: AppState, made: Made, unmapped: Iterable[Action], needs: tuple[str, ...]
) -> Iterator[Action]:
    """Takes the attribute away, once nothing maps it; while somebody else's mapping needs it, it stays."""
    name, added = made.subject, dict(made.after)
    present = next((one for one in app.attributes or () if one.name == name), None)
    if present is None or present.external_name != added.get("externalName"):
        return
    freed = {action.subject: action.key for action in unmapped if (name, None) in action.after}
    holding = {one.mapping_id for one in app.mappings or () if name in one.properties}
    if holding <= set(freed):
        kept: Fields = tuple((key, value) for key, value in made.after if key in _SHOWN)
        gone: Fields = tuple((key, None) for key, _ in kept)
        wanted = (*needs, *(freed[one] for one in sorted(holding)))
        yield _setting(ActionKind.REMOVE_APP_ATTRIBUTE, name, present.title or name, kept, gone, wanted)


_SHOWN = frozenset({"title", "externalName", "externalNamespace"})


def _setting(
    kind: ActionKind, subject: str, label: str, before: Fields, after: Fields, needs: tuple[str, ...]
) -> Action:
    return Action(kind, subject, label, Touch.SETTING, before, after, WHY, needs=needs)
