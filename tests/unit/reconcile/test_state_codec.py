"""What outlives the process comes back as it was."""

from __future__ import annotations

import gzip
from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.model.actions import ActionKind, Touch
from controller.model.actual import Deferred, Made, Memory, Touched
from controller.model.people import OktaId, ScimId
from controller.model.plan import Frozen
from controller.reconcile.state_codec import decode_frozen, decode_memory, encode_frozen, encode_memory
from tests.unit.reconcile.reports import NOW, action

FULL = Memory(
    pairs={OktaId("00u1"): ScimId("s1"), OktaId("00ü2"): ScimId("s2")},
    adopted=frozenset({OktaId("00u1")}),
    window=(Touched("00u1", "Removal", "2026-01-01T00:00:00+00:00"),),
    tenant="https://scim.example.com",
    app_id="0oa1",
    creating={OktaId("00u9"): "new@acme.com"},
    logins={OktaId("00u1"): ("ada@acme.com", "ada@old.com")},
    approved="d" * 64,
    approved_keys=frozenset({"k1", "k2"}),
    people_read=40,
    credential="abc",
    seat_history=(("2026-01-01", 40),),
    settled=frozenset({"f1"}),
    deferred={OktaId("00u1"): {"emails[primary]": Deferred("new@a.com", "o@a.com", "2026-01-01T00:00:00Z")}},
    rows={"Sales": ("teams", "Sales")},
    claims={"Legal": ("gone", "Lawyers")},
    placed={OktaId("00u1"): "Sales", OktaId("00ü2"): ""},
    is_new=False,
    unlisted=frozenset({OktaId("00u1")}),
    left={OktaId("00u1"): 20_000},
    failures={OktaId("00u1"): "no seat is free"},
    trouble="HTTP 401",
    confirmed={OktaId("00ü2"): 4_000_000_000},
    confirmed_paths="0a1b2c3d",
    sign_ins={OktaId("00u1"): 20_514},
    seat_groups=frozenset({"00g1", "00g2"}),
    made={"AssignUser/00u1": Made(ActionKind.ASSIGN_USER, "00u1", (), (("priority", 1),))},
)


def test_a_memory_comes_back_whole_but_for_what_belongs_to_the_process() -> None:
    assert decode_memory(encode_memory(FULL)) == FULL
    nameless = replace(FULL, confirmed={**FULL.confirmed, OktaId("00u7"): 7})
    assert decode_memory(encode_memory(nameless)) == FULL, "hashes are kept of those who have a pair"
    gone = replace(FULL, sign_ins={**FULL.sign_ins, OktaId("00u7"): 20_000})
    assert decode_memory(encode_memory(gone)) == FULL, "and so are sign-ins"
    assert decode_memory(encode_memory(Memory())) == Memory()


def test_every_field_of_a_memory_is_stored() -> None:
    """A field that is added later and forgotten here would be lost at every restart."""
    for one in fields(Memory):
        if one.name != "values":
            assert getattr(FULL, one.name) != getattr(Memory(), one.name), one.name


@given(st.permutations(sorted(FULL.pairs.items())))
def test_equal_memories_give_equal_bytes(pairs: list[tuple[OktaId, ScimId]]) -> None:
    assert encode_memory(replace(FULL, pairs=dict(pairs))) == encode_memory(FULL)


def test_a_plan_comes_back_with_every_field_of_its_actions() -> None:
    one = action(
        ActionKind.CREATE_ACCOUNT,
        touch=Touch.CREATE,
        before=(),
        after=(("userName", "ada"), ("active", True), ("x", None), ("n", 1.5)),
        remote_id="s1",
        people=("00u2",),
        needs=("SaveGroupTable/group-mapping",),
        is_switchover=True,
    )
    frozen = Frozen("d" * 64, 3, NOW, (one, action(number=2)))
    assert decode_frozen(encode_frozen(frozen)) == frozen


@pytest.mark.parametrize(
    "damaged",
    [
        b"",
        b"not gzip",
        gzip.compress(b"[]", mtime=0),
        gzip.compress(b'{"version": 99}', mtime=0),
        encode_memory(FULL)[:-9],
    ],
)
def test_damage_is_told_and_not_guessed_over(damaged: bytes) -> None:
    with pytest.raises((ValueError, KeyError)):
        decode_memory(damaged)
    with pytest.raises((ValueError, KeyError)):
        decode_frozen(damaged)
