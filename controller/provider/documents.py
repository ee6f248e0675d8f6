"""Stored JSON and the answers made of it.

A resource is stored as the text of its answer, without what depends on the request or on other rows: the
location, a user's groups, a group's members. `meta` comes last in the text, so an answer is a few slices of
it and nothing is parsed on the way out (listing 100 models takes 40 ms, 100 texts well under one). Called
by people and groups when they write, by search and scim when they read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence

from scim2_models import Context

from controller.clock import Clock
from controller.provider.models import SentResource

JsonObject = dict[str, object]
_BRACKETS = re.compile(r"\[[^\]]*\]?")
DERIVED = ("groups", "members", "meta", "id", "password")


def moment_text(clock: Clock) -> str:
    """Now, as it is stored: UTC, microseconds, always 27 characters, so that text sorts as time does."""
    return clock.now().strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def dumps(value: object) -> str:
    """Compact JSON text."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def content_of_model(model: SentResource) -> JsonObject:
    """What is stored of `model`: its own attributes, schemas among them."""
    content = model.model_dump(scim_ctx=Context.RESOURCE_QUERY_RESPONSE)
    for name in DERIVED:
        content.pop(name, None)
    return {name: _merged(value) if isinstance(value, list) else value for name, value in content.items()}


def _merged(values: list[object]) -> list[object]:
    """`values` of one attribute without a second one of the same type and value (RFC 7643 section 2.4): what
    the later says of it counts, except that one primary makes both primary."""
    merged: dict[object, object] = {}
    for place, value in enumerate(values):
        if not isinstance(value, dict) or not isinstance(value.get("value"), str):
            merged[place] = value
            continue
        key = (str(value.get("type")).lower(), value["value"])
        earlier = merged.get(key)
        if isinstance(earlier, dict):
            value = earlier | value | ({"primary": True} if earlier.get("primary") else {})
        merged[key] = value
    return list(merged.values())


def document(content: JsonObject, kind: str, resource_id: str, times: tuple[str, str], version: int) -> str:
    """The text stored for `content`; `times` are created and modified."""
    head = {"schemas": content["schemas"], "id": resource_id}
    meta = {
        "resourceType": kind,
        "created": times[0],
        "lastModified": times[1],
        "version": etag(version),
    }
    return dumps(head | content | {"meta": meta})


def etag(version: int) -> str:
    """The entity tag of a version (RFC 7644 section 3.14)."""
    return f'W/"{version}"'


def content_of(doc: str) -> str:
    """`doc` without its meta: equal texts mean that nothing changed."""
    return doc[: doc.rindex(',"meta":{')]


def answer(doc: str, location: str, extra: str = "") -> str:
    """`doc` as it is sent: with its location, and with `extra` (members of the object, text) before meta."""
    if extra:
        cut = doc.rindex(',"meta":{')
        return f'{doc[:cut]},{extra}{doc[cut:-2]},"location":"{location}"}}}}'
    return f'{doc[:-2]},"location":"{location}"}}}}'


def user_groups(rows: Sequence[tuple[str, str]], base_url: str) -> str:
    """The `groups` of a user as text, from rows of group id and displayName; "" for none."""
    if not rows:
        return ""
    return '"groups":' + dumps(
        [
            {"value": group_id, "$ref": f"{base_url}/Groups/{group_id}", "display": name, "type": "direct"}
            for group_id, name in rows
        ]
    )


def group_members(rows: Sequence[tuple[str, str, str | None]], base_url: str) -> str:
    """The `members` of a group as text, from rows of id, kind (User or Group) and display; "" for none."""
    if not rows:
        return ""
    members = []
    for member_id, kind, display in rows:
        member = {"value": member_id, "$ref": f"{base_url}/{kind}s/{member_id}", "type": kind}
        members.append(member | {"display": display} if display else member)
    return '"members":' + dumps(members)


Names = frozenset[str]


class Projection:
    """Which attributes an answer has: `attributes` or `excludedAttributes` (RFC 7644 section 3.9)."""

    ALWAYS = frozenset({"id", "schemas"})

    def __init__(self, core_schema: str, attributes: str | None, excluded: str | None) -> None:
        self._prefix = core_schema.lower() + ":"
        self.wanted = self._names(attributes)
        self.unwanted = self._names(excluded)

    def _names(self, text: str | None) -> Names | None:
        # emails[type eq "work"] names the attribute emails: which of its values, a projection does not say.
        plain = _BRACKETS.sub("", text or "")
        names = [name.strip().lower() for name in plain.split(",") if name.strip()]
        return frozenset(name.removeprefix(self._prefix) for name in names) if names else None

    def __bool__(self) -> bool:
        return self.wanted is not None or self.unwanted is not None

    def needs(self, name: str) -> bool:
        """Whether any part of the attribute `name` is in the answer."""
        name = name.lower()
        if self.wanted is not None:
            return any(each == name or each.startswith(name + ".") for each in self.wanted)
        return self.unwanted is None or name not in self.unwanted

    def apply(self, resource: Mapping[str, object]) -> JsonObject:
        """The part of `resource` that is in the answer; id and schemas always are."""
        chosen: JsonObject = {}
        for name, value in resource.items():
            kept = value if name in self.ALWAYS else self._kept(name.lower(), value)
            if kept is not None:
                chosen[name] = kept
        return chosen

    def _kept(self, path: str, value: object) -> object:
        """What is left of `value` at `path`, or None."""
        if self.wanted is not None:
            if path in self.wanted:
                return value
            below = self._below(path, self.wanted)
            return _inside(value, below, keep=True) if below else None
        assert self.unwanted is not None
        if path in self.unwanted:
            return None
        below = self._below(path, self.unwanted)
        return _inside(value, below, keep=False) if below else value

    @staticmethod
    def _below(path: str, names: Names) -> Names:
        """What `names` say about the parts of `path`; an extension's parts follow a colon."""
        separator = ":" if path.startswith("urn:") else "."
        start = path + separator
        return frozenset(name[len(start) :] for name in names if name.startswith(start))


def _inside(value: object, names: Names, *, keep: bool) -> object:
    """`value` with only (keep) or without the sub-attributes `names`; None if nothing is left."""
    if isinstance(value, list):
        return [left for item in value if (left := _inside(item, names, keep=keep))] or None
    if not isinstance(value, dict):
        return None if keep else value
    left = {
        name: item
        for name, item in value.items()
        if any(name.lower() == each or each.startswith(name.lower() + ".") for each in names) is keep
    }
    return left or None
