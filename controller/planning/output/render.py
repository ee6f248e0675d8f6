"""A plan for a reader: on a terminal, or as Markdown for a pull request. plan_json has it for a program.

Called by `scimctl plan`. Pure: no colours, no widths of a terminal, no order of its own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from controller.model.actions import Action
from controller.model.people import Value
from controller.model.plan import MappingPreview, Plan, Seats, Verdict
from controller.model.words import many, many_people
from controller.outside_text import markdown
from controller.planning.base.wording import quoted, shown

_CELL = 60
_SHOWN = 10
"""Examples of a list whose length is told."""


@dataclass(frozen=True, slots=True)
class Planned:
    """One integration, as far as its run came. Where it ended early `error` says why and `plan` is None."""

    namespace: str
    name: str
    mode: str
    plan: Plan | None = None
    verdict: Verdict | None = None
    error: str = ""

    @property
    def title(self) -> str:
        return f"ScimIntegration {self.namespace}/{self.name} (mode {self.mode})"


def render_text(planned: Iterable[Planned]) -> str:
    """For a terminal; ends without a line break."""
    return "\n\n".join("\n".join(_text(each)) for each in planned)


def render_markdown(planned: Iterable[Planned]) -> str:
    """For a pull request: a section for each integration, actions in a table."""
    return "\n\n".join("\n".join(_markdown(each)) for each in planned)


def _text(planned: Planned) -> Iterator[str]:
    plan, verdict = planned.plan, planned.verdict
    if plan is None or verdict is None:
        yield f"{planned.title}: not planned"
        yield f"  {planned.error}"
        return
    yield f"{planned.title}: {summary(plan)}"
    yield from _columns([(a.kind.value, a.label, a.why) for a in plan.actions], "  ", _changes(plan.actions))
    yield from _section("Drift", _drift(plan))
    yield from _section("Waits for a confirmation", _unconfirmed(plan))
    yield from _section("Seats", _seats(plan.seats))
    yield from _section("To be done by a person", [f"{s.title} ({s.where})" for s in plan.steps])
    yield from _section("Problems", [f"{p.kind} {p.name}: {p.message}" for p in plan.problems])
    yield from _section("Groups", _preview(plan))
    yield from _section("Verdict", _verdict(plan, verdict))


def _markdown(planned: Planned) -> Iterator[str]:
    plan, verdict = planned.plan, planned.verdict
    yield f"### {markdown(planned.title)}"
    yield ""
    if plan is None or verdict is None:
        yield f"Not planned: {markdown(planned.error)}"
        return
    yield f"**{summary(plan)}**"
    if plan.actions:
        yield ""
        yield "| Action | What | Change | Why |"
        yield "|---|---|---|---|"
    for action, change in zip(plan.actions, _changes(plan.actions), strict=True):
        cells = (action.kind.value, action.label, "; ".join(change), action.why)
        yield "| " + " | ".join(map(markdown, cells)) + " |"
    for title, lines in (
        ("Drift", _drift(plan)),
        ("Waits for a confirmation", _unconfirmed(plan)),
        ("Seats", _seats(plan.seats)),
        ("To be done by a person", [f"{s.title} ({s.where}): {s.instructions}" for s in plan.steps]),
        ("Problems", [f"{p.kind} {p.name}: {p.message}" for p in plan.problems]),
        ("Groups", _preview(plan)),
        ("Verdict", _verdict(plan, verdict)),
    ):
        if lines:
            yield ""
            yield f"**{title}**"
            yield ""
            yield from (f"- {markdown(line)}" for line in lines)


def summary(plan: Plan) -> str:
    """`3 actions: 2 CreateAccount, 1 UpdateAccount`, in the order of a run."""
    if not plan.actions:
        return "nothing to do"
    counted = Counter(action.kind.value for action in plan.actions)
    number = many(len(plan.actions), "action", "actions")
    return f"{number}: {', '.join(f'{count} {kind}' for kind, count in counted.items())}"


def _drift(plan: Plan) -> list[str]:
    """Differences, one by one where no action of the plan is about that very person."""
    people = {action.subject for action in plan.actions}
    others = [item for item in plan.drift if item.okta_id not in people]
    put_right = Counter(item.kind.value for item in plan.drift if item.okta_id in people)
    lines = [f"{item.kind.value} {item.what}: {_pair(item.expected, item.actual)}" for item in others]
    return lines + [f"{count} {kind}, put right by actions of this plan" for kind, count in put_right.items()]


def _unconfirmed(plan: Plan) -> list[str]:
    """Changes that were accepted earlier: the longest first."""
    lines = [
        f"{shown(one.login)} {one.path}: {shown(one.value)}"
        + (f", sent on {one.since[:10]}" if one.since else "")
        for one in plan.unconfirmed[:_SHOWN]
    ]
    more = len(plan.unconfirmed) - _SHOWN
    return lines + ([f"and {more} more"] if more > 0 else [])


def _changes(actions: Sequence[Action]) -> list[list[str]]:
    """For each action the fields that change; nothing for a creation, where all do."""
    return [_changed_fields(action) if action.before else [] for action in actions]


def _changed_fields(action: Action) -> list[str]:
    before, after = dict(action.before), dict(action.after)
    return [
        f"{path}: {_pair(after.get(path), before.get(path))}"
        for path in {**before, **after}
        if before.get(path) != after.get(path)
    ]


def _pair(after: Value, before: Value) -> str:
    return f"{_value(before)} -> {_value(after)}"


def _value(value: Value) -> str:
    return "(none)" if value is None else shown(value)


def _columns(rows: Sequence[tuple[str, ...]], indent: str, below: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [min(_CELL, max((len(row[at]) for row in rows), default=0)) for at in (0, 1)]
    for row, lines in zip(rows, below, strict=True):
        yield f"{indent}{row[0]:<{widths[0]}}  {row[1]:<{widths[1]}}  {row[2]}".rstrip()
        yield from (f"{indent}    {line}" for line in lines)


def _section(title: str, lines: Sequence[str]) -> Iterator[str]:
    if lines:
        yield f"  {title}:"
        yield from (f"    {line}" for line in lines)


def _seats(seats: Seats | None) -> list[str]:
    if seats is None:
        return []
    told = f"{seats.used} of {seats.limit} used, {seats.available} free, {seats.reserved} reserved"
    waiting = [f"{place}. {login} waits" for place, (_, login) in enumerate(seats.waiting, 1)]
    return [f"{told}; {seats.admitted} admitted by this plan", *waiting]


def _preview(plan: Plan) -> list[str]:
    preview = plan.preview
    lines = _claimed(preview) + [
        f"no row claims {quoted(value)}, which {many_people(count)} {_have(count)}"
        + _hint(preview.suggestions.get(value))
        for value, count in preview.unmatched.items()
    ]
    if preview.without_value:
        lines.append(f"{many_people(preview.without_value)} {_have(preview.without_value)} no value")
    if preview.unused:
        lines.append("nobody has " + _some([quoted(value) for value in preview.unused]))
    if preview.moves:
        lines.append(f"{many_people(len(preview.moves))} with an account would move:")
        lines += [
            f"  {shown(move.login)}: {_group(move.before)} -> {_group(move.after)}"
            for move in preview.moves[:_SHOWN]
        ]
        lines += [f"  and {len(preview.moves) - _SHOWN} more"] if len(preview.moves) > _SHOWN else []
    return lines


def _claimed(preview: MappingPreview) -> list[str]:
    """How many people have which of the claimed values, the most frequent first."""
    counts = sorted(preview.people_by_value.items(), key=lambda item: (-item[1], item[0]))
    told = [f"{quoted(value)} {count}" for value, count in counts if count]
    people = sum(preview.people_by_value.values())
    return [f"{many_people(people)} with a value that a row claims: {_some(told)}"] if told else []


def _some(words: Sequence[str]) -> str:
    more = len(words) - _SHOWN
    return ", ".join(words[:_SHOWN]) + (f", and {more} more" if more > 0 else "")


def _have(count: int) -> str:
    return "has" if count == 1 else "have"


def _group(name: str | None) -> str:
    return "(as it is)" if name is None else shown(name) if name else "(no group)"


def _hint(suggestion: str | None) -> str:
    return "" if suggestion is None else f"; did you mean {quoted(suggestion)} (case or spacing differs)?"


def _verdict(plan: Plan, verdict: Verdict) -> list[str]:
    if not plan.actions:
        return []
    lines = [f"{len(verdict.run)} of {len(plan.actions)} would run now"]
    reasons = Counter(reason.value for _, reason in verdict.held)
    lines += [f"{count} held: {reason}" for reason, count in reasons.items()]
    return lines + [line for line in (verdict.message,) if line]
