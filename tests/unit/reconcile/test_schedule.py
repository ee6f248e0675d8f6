"""When keys are due: deduplication, merging, lanes, exclusion, gates."""

from __future__ import annotations

from controller.model.people import EVERYTHING, OktaId, Refresh
from controller.reconcile.schedule import Next, Schedule, merge
from controller.transport.calls import Lane


def people(*ids: str) -> Refresh:
    return Refresh(frozenset(map(OktaId, ids)))


def test_requests_for_one_key_become_one_run_that_tells_every_reason() -> None:
    schedule = Schedule()
    schedule.enqueue("a", 1.0, people("u1"), Lane.CHANGE, "SystemLog")
    schedule.enqueue("a", 2.0, people("u2"), Lane.FULL, "SecretChanged")
    schedule.enqueue("a", 2.0, people("u2"), Lane.FULL, "SecretChanged")
    (task,) = schedule.take(1.0, 9)
    assert task.refresh == people("u1", "u2")
    assert task.lane is Lane.CHANGE
    assert task.reasons == ("SystemLog", "SecretChanged")


def test_nothing_is_due_before_its_time_and_nothing_runs_twice_at_once() -> None:
    schedule = Schedule()
    schedule.enqueue("a", 5.0)
    assert schedule.take(4.9, 9) == []
    assert schedule.next_due() == 5.0
    (task,) = schedule.take(5.0, 9)
    schedule.enqueue("a", 5.0)
    assert schedule.take(6.0, 9) == []
    schedule.finish(task, 6.0, Next(60))
    assert [each.key for each in schedule.take(6.0, 9)] == ["a"]


def test_everything_swallows_people_and_more_than_twenty_become_everything() -> None:
    assert merge(people("u1"), EVERYTHING) is EVERYTHING
    assert merge(people(*map(str, range(20))), people("19")).people is not None
    assert merge(people(*map(str, range(20))), people("20")) is EVERYTHING


def test_a_small_run_does_not_postpone_the_complete_read() -> None:
    schedule = Schedule()
    schedule.enqueue("a", 0.0)
    (full,) = schedule.take(0.0, 9)
    schedule.finish(full, 0.0, Next(100))
    schedule.enqueue("a", 50.0, people("u1"))
    (small,) = schedule.take(50.0, 9)
    assert small.refresh == people("u1")
    schedule.finish(small, 51.0, Next(100))
    assert schedule.take(99.0, 9) == []
    (task,) = schedule.take(100.0, 9)
    assert task.refresh is EVERYTHING
    assert task.reasons == ("Interval",)


def test_a_failed_small_run_is_tried_again_for_the_same_people() -> None:
    schedule = Schedule()
    schedule.enqueue("a", 0.0, people("u1"))
    (task,) = schedule.take(0.0, 9)
    schedule.finish(task, 0.0, Next(3, failed=True))
    (again,) = schedule.take(3.0, 9)
    assert again.refresh == people("u1")
    assert again.failures == 1


def test_a_run_for_some_people_may_bring_the_complete_read_forward_and_never_puts_it_off() -> None:
    schedule = Schedule()
    for due, within, expected in ((1000.0, 300, 300.0), (100.0, 300, 100.0), (None, 300, 300.0)):
        schedule.enqueue("a", 0.0)
        (task,) = schedule.take(0.0, 9)
        schedule.finish(task, 0.0, Next(due))
        schedule.enqueue("a", 0.0, people("u1"))
        (task,) = schedule.take(0.0, 9)
        schedule.finish(task, 0.0, Next(within))
        assert schedule.take(expected - 1, 9) == []
        (full,) = schedule.take(expected, 9)
        assert full.refresh.is_complete
        schedule.finish(full, 0.0, Next(None))


def test_failures_count_up_and_end_with_a_success_or_a_persons_edit() -> None:
    schedule = Schedule()
    schedule.enqueue("a", 0.0)
    for failures in range(3):
        (task,) = schedule.take(100.0 * failures, 9)
        assert task.failures == failures
        schedule.finish(task, 100.0 * failures, Next(10, failed=True))
    schedule.enqueue("a", 300.0, lane=Lane.PERSON)
    (task,) = schedule.take(300.0, 9)
    assert task.failures == 0


def test_lower_lanes_start_first_where_few_may_run() -> None:
    schedule = Schedule()
    schedule.enqueue("slow", 0.0, lane=Lane.FULL)
    schedule.enqueue("change", 1.0, lane=Lane.CHANGE)
    schedule.enqueue("person", 2.0, lane=Lane.PERSON)
    assert [task.key for task in schedule.take(3.0, 2)] == ["person", "change"]
    assert [task.key for task in schedule.take(3.0, 2)] == ["slow"]


def test_two_integrations_of_one_tenant_never_run_together() -> None:
    schedule = Schedule(exclusive_to=lambda key: ("tenant",))
    schedule.enqueue("a", 0.0)
    schedule.enqueue("b", 0.0)
    (first,) = schedule.take(0.0, 9)
    assert schedule.take(0.0, 9) == []
    assert schedule.next_due() is None, "a blocked key must not keep the queue awake"
    schedule.finish(first, 1.0, Next(60))
    (second,) = schedule.take(1.0, 9)
    assert {first.key, second.key} == {"a", "b"}


def test_an_unhealthy_org_holds_its_integrations_back_but_not_a_person() -> None:
    schedule = Schedule(group_of=lambda key: (key[0],))
    for key in ("x1", "x2", "y1"):
        schedule.enqueue(key, 0.0)
    tasks = {task.key: task for task in schedule.take(0.0, 1)}
    schedule.finish(tasks["x1"], 0.0, Next(30, failed=True, gate_seconds=30))
    assert [task.key for task in schedule.take(1.0, 9)] == ["y1"]
    schedule.enqueue("x2", 1.0, lane=Lane.PERSON)
    assert [task.key for task in schedule.take(1.0, 9)] == ["x2"]


def test_a_gate_that_opens_lets_one_through_and_a_success_releases_the_rest() -> None:
    schedule = Schedule(group_of=lambda key: ("org",))
    for key in ("a", "b", "c"):
        schedule.enqueue(key, 0.0)
    (first,) = schedule.take(0.0, 1)
    schedule.finish(first, 0.0, Next(500, failed=True, gate_seconds=30))
    assert schedule.take(29.0, 9) == []
    (probe,) = schedule.take(30.0, 9)
    schedule.finish(probe, 31.0, Next(500))
    assert len(schedule.take(31.0, 9)) == 1


def test_a_success_elsewhere_opens_the_gate_before_its_time() -> None:
    schedule = Schedule(group_of=lambda key: ("org",))
    for key in ("a", "b"):
        schedule.enqueue(key, 0.0)
    (first,) = schedule.take(0.0, 1)
    schedule.finish(first, 0.0, Next(500, failed=True, gate_seconds=300))
    assert schedule.take(1.0, 9) == []
    schedule.enqueue(first.key, 2.0, lane=Lane.PERSON)
    (person,) = schedule.take(2.0, 9)
    schedule.finish(person, 3.0, Next(500))
    assert len(schedule.take(3.0, 9)) == 1


def test_a_forgotten_key_is_gone_even_while_it_runs() -> None:
    schedule = Schedule()
    schedule.forget("never seen")
    schedule.enqueue("a", 0.0)
    schedule.enqueue("b", 0.0)
    running = {task.key: task for task in schedule.take(0.0, 1)}
    schedule.forget("b")
    schedule.forget("a")
    schedule.finish(running["a"], 1.0, Next(1))
    assert schedule.take(100.0, 9) == []
    assert "a" not in schedule
    assert "b" not in schedule


def test_a_key_without_retry_waits_until_it_is_enqueued_and_a_wanted_read_follows_at_once() -> None:
    schedule = Schedule()
    schedule.enqueue("a", 0.0, people("u1"))
    (task,) = schedule.take(0.0, 9)
    schedule.finish(task, 1.0, Next(None, read_at_once=True))
    (full,) = schedule.take(1.0, 9)
    assert full.refresh is EVERYTHING
    schedule.finish(full, 2.0, Next(None, failed=True))
    assert schedule.take(9e9, 9) == []


def test_depth_counts_what_is_due_and_not_taken_up() -> None:
    schedule = Schedule()
    schedule.enqueue("a", 0.0)
    schedule.enqueue("b", 0.0)
    schedule.enqueue("c", 10.0)
    schedule.take(0.0, 1)
    assert schedule.depth(1.0) == 1


def test_a_small_run_that_had_to_read_everything_counts_as_the_complete_one() -> None:
    schedule = Schedule()
    schedule.enqueue("a", 0.0)
    (task,) = schedule.take(0.0, 9)
    schedule.finish(task, 0.0, Next(100))
    schedule.enqueue("a", 90.0, people("u1"))
    (task,) = schedule.take(90.0, 9)
    schedule.finish(task, 90.0, Next(100, was_complete=True))
    assert schedule.take(189.0, 9) == []
    assert schedule.take(190.0, 9)[0].refresh is EVERYTHING
