"""Turns: namespaces and hosts share what there is, and nobody who is alone is held back."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from controller.reconcile.fairness import IN_FLIGHT, Place, Turns
from controller.reconcile.schedule import OLD_SECONDS, Next, Schedule, Task
from controller.transport.calls import Lane

SLOTS = 8


def whose(key: str) -> Place:
    """`team/name@host`."""
    namespace, _, rest = key.partition("/")
    return Place(namespace, rest.partition("@")[2])


def schedule(slots: int = SLOTS) -> Schedule:
    return Schedule(place_of=whose, turns=Turns(slots))


def taken(tasks: list[Task]) -> list[str]:
    return [task.key for task in tasks]


def test_a_tenant_who_is_alone_gets_everything() -> None:
    one = schedule()
    for number in range(20):
        one.enqueue(f"a/{number}@h{number}", 0.0)
    assert len(one.take(0.0, SLOTS)) == SLOTS


def test_a_tenant_with_thousands_of_due_keys_does_not_get_all_slots_beside_another() -> None:
    one = schedule()
    for number in range(2000):
        one.enqueue(f"a/{number}@h{number}", 0.0)
    one.enqueue("b/only@other", 100.0)
    first = one.take(0.0, SLOTS)
    assert len(first) == SLOTS - SLOTS // 4
    assert one.has_put_off()
    assert taken(one.take(100.0, 2)) == ["b/only@other"]


def test_with_one_slot_tenants_take_turns_whoever_was_due_first() -> None:
    one, order = schedule(1), list[str]()
    for number in range(5):
        one.enqueue(f"a/{number}", 0.0)
    for number in range(2):
        one.enqueue(f"b/{number}", 50.0)
    for moment in range(50, 57):
        (task,) = one.take(float(moment), 1)
        order.append(task.key[0])
        one.finish(task, float(moment), Next(None))
    assert "".join(order[:4]) in ("abab", "baba") and sorted(order) == list("aaaaabb")


def test_hosts_of_one_tenant_take_turns() -> None:
    one = schedule(1)
    for number in range(5):
        one.enqueue(f"a/{number}@slow", 0.0)
    one.enqueue("a/other@fast", 1.0)
    seen = []
    for moment in (2.0, 3.0):
        (task,) = one.take(moment, 1)
        seen.append(whose(task.key).host)
        one.finish(task, moment, Next(None))
    assert sorted(seen) == ["fast", "slow"]


def test_a_better_lane_goes_first_until_somebody_has_waited_for_long() -> None:
    one = schedule(1)
    one.enqueue("a/full", 0.0, lane=Lane.FULL)
    one.enqueue("b/edited", 10.0, lane=Lane.PERSON)
    assert taken(one.take(10.0, 1)) == ["b/edited"]
    other = schedule(1)
    other.enqueue("a/full", 0.0, lane=Lane.FULL)
    other.enqueue("b/edited", OLD_SECONDS, lane=Lane.PERSON)
    assert taken(other.take(OLD_SECONDS, 1)) == ["a/full"]


def test_runs_that_only_wait_hold_no_slot_and_are_bounded_all_the_same() -> None:
    """One host, slow for ever: as many wait for it as there are slots, and the others go on."""
    one, waiting = schedule(), list[str]()
    for number in range(100):
        one.enqueue(f"a/{number}@slow", 0.0)
    for number in range(3):
        one.enqueue(f"a/well-{number}@well", 0.0)
    one.enqueue("b/only@well", 0.0)
    seen = list[str]()
    for _ in range(20):
        new = taken(one.take(1.0, SLOTS, waiting))
        seen += new
        waiting += [key for key in new if key.endswith("@slow")]
    assert {"b/only@well", "a/well-0@well", "a/well-1@well", "a/well-2@well"} <= set(seen)
    assert len(waiting) == SLOTS


def test_a_tenant_that_fills_the_house_with_waiting_runs_keeps_nobody_out() -> None:
    one, waiting = schedule(), list[str]()
    for tenant in "abcdefgh":
        for number in range(100):
            one.enqueue(f"{tenant}/{number}@{tenant}{number}", 0.0)
    for _ in range(30):
        waiting += taken(one.take(1.0, SLOTS, waiting))
    assert len(waiting) <= SLOTS * IN_FLIGHT + len("abcdefgh")
    one.enqueue("z/only@z", 2.0)
    assert taken(one.take(2.0, SLOTS, waiting)) == ["z/only@z"]


def test_an_integration_that_moves_to_another_host_or_goes_is_counted_as_it_is() -> None:
    turns = Turns(4)
    turns.know("a/1", Place("a", "x"))
    turns.know("a/1", Place("a", "y", "org"))
    turns.started("a/1")
    turns.know("a/1", Place("a", "z"))
    turns.ended("a/1")
    turns.forget("a/1")
    turns.forget("a/1")
    turns.know("a/2", Place("a", "y", "org"))
    assert turns.rank("a/2") == (0, 0, 0, 0)
    assert turns.may_start("a/2")


@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.integers(0, 5), st.sampled_from(["", "x", "y"])), max_size=40
    ),
    st.integers(1, 4),
    st.data(),
)
def test_whatever_comes_everybody_who_is_due_gets_a_turn_and_bounds_hold(
    enqueued: list[tuple[str, int, str]], slots: int, data: st.DataObject
) -> None:
    one, running, waiting = schedule(slots), dict[str, Task](), set[str]()
    due = {f"{tenant}/{number}@{host}" for tenant, number, host in enqueued}
    for key in due:
        one.enqueue(key, 0.0)
    seen = set[str]()
    for step in range(len(due) * 4 + 1):
        free = slots - (len(running) - len(waiting))
        for task in one.take(1.0 + step, free, waiting):
            assert task.key not in running
            running[task.key] = task
            seen.add(task.key)
        assert len(running) <= 2 * slots * IN_FLIGHT
        if running and data.draw(st.booleans()):
            waiting.add(data.draw(st.sampled_from(sorted(running))))
        elif running:
            key = data.draw(st.sampled_from(sorted(running)))
            one.finish(running.pop(key), 1.0 + step, Next(None))
            waiting.discard(key)
    for key in list(running):
        one.finish(running.pop(key), 1e6, Next(None))
    while tasks := one.take(1e6, slots):
        for task in tasks:
            seen.add(task.key)
            one.finish(task, 1e6, Next(None))
    assert seen == due
