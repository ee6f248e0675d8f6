"""What outlives the process, as bytes: the memory of a tenant and the plan that waits. Pure.

Called by operator.state_cache, whose store puts the bytes into ConfigMaps.
Compressed JSON with a version; what cannot be read is lost state, which planning survives by holding the
next plan.
"""

from __future__ import annotations

import base64
import gzip
import json
import struct
import zlib
from collections.abc import Iterable, Mapping
from datetime import UTC
from typing import Any

from controller.clock import parse_rfc3339, rfc3339
from controller.model.actions import Action, ActionKind, Touch
from controller.model.actual import Deferred, Made, Memory, Touched
from controller.model.people import OktaId, ScimId, Value
from controller.model.plan import Frozen
from controller.parsing import parse_day, parse_json, parse_moment, whole_number

VERSION = 1
NEVER = "1970-01-01T00:00:00Z"
LONGEST = 128 * 1024 * 1024
"""Bytes of what is stored of one tenant; 100,000 people take less than a tenth."""
NOT_STORED_BY_US = (KeyError, IndexError, TypeError, AttributeError, OverflowError, struct.error)
"""What reading a blob runs into if somebody else wrote it."""


def encode_memory(memory: Memory) -> bytes:
    """`memory` without what belongs to the process; equal memories give equal bytes."""
    return _packed(
        {
            "tenant": memory.tenant,
            "app": memory.app_id,
            "pairs": dict(sorted(memory.pairs.items())),
            "adopted": sorted(memory.adopted),
            "left": _by_pair(memory.pairs, memory.left, "H"),
            "creating": dict(sorted(memory.creating.items())),
            "window": [[one.okta_id, one.touch, one.at] for one in memory.window],
            "logins": {okta_id: list(names) for okta_id, names in sorted(memory.logins.items())},
            "approved": memory.approved,
            "approvedKeys": sorted(memory.approved_keys),
            "peopleRead": memory.people_read,
            "credential": memory.credential,
            "unlisted": sorted(memory.unlisted),
            "seatHistory": [list(entry) for entry in memory.seat_history],
            "settled": sorted(memory.settled),
            "deferred": {
                okta_id: {path: [one.value, one.before, one.at] for path, one in sorted(fields.items())}
                for okta_id, fields in sorted(memory.deferred.items())
            },
            "rows": {value: list(row) for value, row in sorted(memory.rows.items())},
            "claims": {value: list(claim) for value, claim in sorted(memory.claims.items())},
            "placed": _places(memory),
            "isNew": memory.is_new,
            "failures": dict(sorted(memory.failures.items())),
            "trouble": memory.trouble,
            "confirmed": _by_pair(memory.pairs, memory.confirmed, "I"),
            "confirmedPaths": memory.confirmed_paths,
            "signIns": _by_pair(memory.pairs, memory.sign_ins, "H"),
            "seatGroups": sorted(memory.seat_groups),
            "made": [
                [one.kind.value, one.subject, one.before, one.after] for _, one in sorted(memory.made.items())
            ],
        }
    )


def decode_memory(packed: bytes) -> Memory:
    """The memory in `packed`; ValueError where it is none."""
    try:
        return _memory(_unpacked(packed))
    except NOT_STORED_BY_US as error:
        raise ValueError(f"no memory: {type(error).__name__}") from None


def _memory(raw: Mapping[str, Any]) -> Memory:
    if not all(parse_moment(at, UTC) for _, _, at in raw["window"]):
        raise ValueError("an entry of the window has no time")
    if not all(parse_day(day) and whole_number(used) is not None for day, used in raw["seatHistory"]):
        raise ValueError("an entry of the seat history has no day or no number")
    return Memory(
        pairs={OktaId(okta_id): ScimId(scim_id) for okta_id, scim_id in raw["pairs"].items()},
        adopted=frozenset(OktaId(okta_id) for okta_id in raw["adopted"]),
        left=_numbers(raw["pairs"], raw.get("left", ""), "H"),
        creating={OktaId(okta_id): name for okta_id, name in raw.get("creating", {}).items()},
        window=tuple(Touched(*entry) for entry in raw["window"]),
        tenant=raw["tenant"],
        app_id=raw["app"],
        logins={OktaId(okta_id): tuple(names) for okta_id, names in raw["logins"].items()},
        approved=raw["approved"],
        approved_keys=frozenset(raw["approvedKeys"]),
        people_read=raw["peopleRead"],
        credential=raw["credential"],
        unlisted=frozenset(OktaId(okta_id) for okta_id in raw.get("unlisted", ())),
        seat_history=tuple((day, used) for day, used in raw["seatHistory"]),
        settled=frozenset(raw.get("settled", ())),
        deferred={
            OktaId(okta_id): {path: _deferred(one) for path, one in fields.items()}
            for okta_id, fields in raw["deferred"].items()
        },
        rows={value: (owner, group) for value, (owner, group) in raw["rows"].items()},
        claims={value: (owner, group) for value, (owner, group) in raw.get("claims", {}).items()},
        placed=_placed(raw),
        is_new=raw["isNew"],
        failures={OktaId(okta_id): told for okta_id, told in raw.get("failures", {}).items()},
        trouble=raw.get("trouble", ""),
        confirmed=_numbers(raw["pairs"], raw.get("confirmed", ""), "I"),
        confirmed_paths=raw.get("confirmedPaths", ""),
        sign_ins=_numbers(raw["pairs"], raw.get("signIns", ""), "H"),
        seat_groups=frozenset(raw.get("seatGroups", ())),
        made={one.key: one for one in map(_made, raw.get("made", ()))},
    )


def _by_pair(pairs: Mapping[OktaId, ScimId], numbers: Mapping[OktaId, int], size: str) -> str:
    """The numbers of those who have a pair, in the order of the pairs; 0 for none, "" where nobody has one.
    By name they would be as large as the pairs themselves. `size` is that of struct: H takes days until
    2149."""
    found = [numbers.get(okta_id, 0) for okta_id in sorted(pairs)]
    return base64.b64encode(struct.pack(f"<{len(found)}{size}", *found)).decode() if any(found) else ""


def _numbers(pairs: Iterable[str], text: str, size: str) -> dict[OktaId, int]:
    packed = base64.b64decode(text)
    numbers = struct.unpack(f"<{len(packed) // struct.calcsize(size)}{size}", packed)
    named = zip(sorted(pairs), numbers, strict=False)
    return {OktaId(okta_id): found for okta_id, found in named if found}


def _places(memory: Memory) -> dict[str, Any]:
    """The groups by name, and for those who have a pair, in the order of the pairs, the place of theirs among
    the names, from 1 on; 0 for none. Few groups hold many people, so that this shrinks well."""
    names = sorted(set(memory.placed.values()))
    places = {name: place for place, name in enumerate(names, 1)}
    placed = {okta_id: places[name] for okta_id, name in memory.placed.items()}
    return {"names": names, "of": _by_pair(memory.pairs, placed, "I")}


def _placed(raw: Mapping[str, Any]) -> dict[OktaId, str]:
    stored = raw.get("placed", {"names": [], "of": ""})
    places = _numbers(raw["pairs"], stored["of"], "I")
    return {okta_id: stored["names"][place - 1] for okta_id, place in places.items()}


def _deferred(raw: Any) -> Deferred:
    """One change that waits. Before it was noted when and over what, it was its value alone."""
    if isinstance(raw, str):
        return Deferred(raw)
    value, before, at = raw
    if not (isinstance(value, str) and isinstance(before, str | None) and parse_moment(at or NEVER, UTC)):
        raise ValueError("a change that waits has no value or no time")
    return Deferred(value, before, at)


def _made(raw: list[Any]) -> Made:
    kind, subject, before, after = raw
    return Made(ActionKind(kind), subject, _pairs(before), _pairs(after))


def encode_frozen(frozen: Frozen) -> bytes:
    """The whole plan that waits."""
    return _packed(
        {
            "digest": frozen.digest,
            "generation": frozen.generation,
            "created": rfc3339(frozen.created),
            "actions": [action_json(action) for action in frozen.actions],
        }
    )


def decode_frozen(packed: bytes) -> Frozen:
    """The plan in `packed`; ValueError where it is none."""
    try:
        raw = _unpacked(packed)
        actions = tuple(_action(each) for each in raw["actions"])
        return Frozen(raw["digest"], raw["generation"], parse_rfc3339(raw["created"]), actions)
    except NOT_STORED_BY_US as error:
        raise ValueError(f"no plan: {type(error).__name__}") from None


def action_json(action: Action) -> dict[str, Any]:
    """An action as plain JSON."""
    return {
        "kind": action.kind.value,
        "subject": action.subject,
        "label": action.label,
        "touch": action.touch.value,
        "before": [list(pair) for pair in action.before],
        "after": [list(pair) for pair in action.after],
        "why": action.why,
        "remoteId": action.remote_id,
        "people": list(action.people),
        "needs": list(action.needs),
        "isSwitchover": action.is_switchover,
    }


def _action(raw: Mapping[str, Any]) -> Action:
    return Action(
        ActionKind(raw["kind"]),
        raw["subject"],
        raw["label"],
        Touch(raw["touch"]),
        _pairs(raw["before"]),
        _pairs(raw["after"]),
        raw["why"],
        raw["remoteId"],
        tuple(raw["people"]),
        tuple(raw["needs"]),
        raw["isSwitchover"],
    )


def _pairs(raw: list[list[Value]]) -> tuple[tuple[str, Value], ...]:
    return tuple((str(name), value) for name, value in raw)


def _packed(content: dict[str, Any]) -> bytes:
    text = json.dumps({"version": VERSION, **content}, ensure_ascii=False, separators=(",", ":"))
    return gzip.compress(text.encode(), 6, mtime=0)


def _inflated(packed: bytes) -> bytes:
    """The text, which is not read beyond LONGEST: what grows further is nothing that was stored here."""
    inflater = zlib.decompressobj(16 + zlib.MAX_WBITS)
    text = inflater.decompress(packed, LONGEST)
    if not inflater.eof:
        raise ValueError(f"longer than {LONGEST} bytes, or cut short")
    return text


def _unpacked(packed: bytes) -> dict[str, Any]:
    try:
        raw = parse_json(_inflated(packed))
    except zlib.error as error:
        raise ValueError(f"not compressed JSON: {error}") from None
    if not isinstance(raw, dict) or raw.get("version") != VERSION:
        raise ValueError(f"not version {VERSION}")
    return raw
