"""Plans for readers: text, Markdown, and JSON that follows its schema."""

from __future__ import annotations

from dataclasses import replace

import jsonschema
import pytest

from controller.model.actions import Action, ActionKind, Touch
from controller.model.people import OktaId
from controller.model.plan import (
    Counts,
    DriftItem,
    DriftKind,
    HoldReason,
    ManualStep,
    MappingPreview,
    Move,
    Plan,
    Problem,
    Seats,
    SeatState,
    Verdict,
    WaitingChange,
)
from controller.planning.make_plan import make_plan
from controller.planning.output.plan_json import SCHEMA, render_json
from controller.planning.output.render import Planned, render_markdown, render_text, summary
from tests.unit.planning import world

MOVES = (
    Move(OktaId("00u2"), "bob@example.com", "Sales", "A"),
    Move(OktaId("00u3"), "cy@example.com", None, ""),
)
CREATE = Action(
    kind=ActionKind.CREATE_ACCOUNT,
    subject="00u1",
    label="ada@example.com",
    touch=Touch.CREATE,
    before=(),
    after=(("userName", "ada@example.com"),),
    why="assigned",
)
UPDATE = Action(
    kind=ActionKind.UPDATE_ACCOUNT,
    subject="00u2",
    label="bob@example.com",
    touch=Touch.CHANGE,
    before=(("displayName", "Bob | B"), ("active", True)),
    after=(("displayName", "Bob\nC"), ("active", True), ("nickName", "x")),
    why="edited",
)
PLAN = Plan(
    actions=(CREATE, UPDATE),
    digest="ab" * 32,
    drift=(DriftItem(DriftKind.ATTRIBUTE, "Provider", "bob@example.com displayName", "Bob C", None),),
    seats=Seats(5, 4, None, 0, 1, ((OktaId("00u3"), "cy@example.com"),), SeatState.AT_CAPACITY, 80, 1),
    steps=(ManualStep("sso", "Set up SSO", "Okta", "Click here", "Read", True, "d"),),
    problems=(Problem("GroupMapping", "m", "ProviderGroupMissing", "make the group", "spec.mappings"),),
    counts=Counts(2, 1, 2, 1, 0),
    preview=MappingPreview({"A": 1}, {"a ": 3}, ("B",), 2, {"a ": "A"}, MOVES),
)
VERDICT = Verdict(
    (CREATE,),
    ((UPDATE, HoldReason.AWAITING_APPROVAL),),
    HoldReason.AWAITING_APPROVAL,
    "approve it",
    "ab" * 32,
)
WHOLE = Planned("default", "calendly", "Approve", PLAN, VERDICT)
EMPTY = Planned("default", "calendly", "Observe", Plan((), ""), Verdict(()))
BROKEN = Planned("default", "calendly", "Enforce", error="spec.okta.app.label: no app | of this label")


def test_text_tells_actions_changes_and_the_verdict() -> None:
    assert render_text([WHOLE]).splitlines() == [
        "ScimIntegration default/calendly (mode Approve): 2 actions: 1 CreateAccount, 1 UpdateAccount",
        "  CreateAccount  ada@example.com  assigned",
        "  UpdateAccount  bob@example.com  edited",
        '      displayName: Bob | B -> "Bob�C"',
        "      nickName: (none) -> x",
        "  Drift:",
        "    Attribute bob@example.com displayName: (none) -> Bob C",
        "  Seats:",
        "    4 of 5 used, 1 free, 0 reserved; 1 admitted by this plan",
        "    1. cy@example.com waits",
        "  To be done by a person:",
        "    Set up SSO (Okta)",
        "  Problems:",
        "    GroupMapping m: make the group",
        "  Groups:",
        '    1 person with a value that a row claims: "A" 1',
        '    no row claims "a ", which 3 people have; did you mean "A" (case or spacing differs)?',
        "    2 people have no value",
        '    nobody has "B"',
        "    2 people with an account would move:",
        "      bob@example.com: Sales -> A",
        "      cy@example.com: (as it is) -> (no group)",
        "  Verdict:",
        "    1 of 2 would run now",
        "    1 held: AwaitingApproval",
        "    approve it",
    ]


def test_nothing_to_do_is_one_line() -> None:
    assert render_text([EMPTY]) == "ScimIntegration default/calendly (mode Observe): nothing to do"


def test_a_run_that_ended_early_tells_why() -> None:
    assert render_text([BROKEN]).endswith("not planned\n  spec.okta.app.label: no app | of this label")


def test_markdown_keeps_its_table_whatever_people_are_called() -> None:
    rows = [line for line in render_markdown([WHOLE]).splitlines() if line.startswith("| UpdateAccount")]
    change = 'displayName: Bob \\| B -> "Bob�C"; nickName: (none) -> x'
    assert rows == [f"| UpdateAccount | bob@example.com | {change} | edited |"]
    assert "no app \\| of" in render_markdown([BROKEN])


@pytest.mark.parametrize("planned", [[], [WHOLE], [EMPTY], [BROKEN], [WHOLE, EMPTY, BROKEN]])
def test_json_follows_its_schema(planned: list[Planned]) -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.validate(render_json(planned), SCHEMA)


def test_json_says_which_actions_are_held_and_what_to_approve() -> None:
    plan = render_json([WHOLE])["integrations"][0]["plan"]
    assert [action["held"] for action in plan["actions"]] == ["", "AwaitingApproval"]
    assert plan["verdict"]["approve"] == plan["digest"]


def test_one_action_is_told_in_the_singular() -> None:
    assert summary(Plan((CREATE,), "x")) == "1 action: 1 CreateAccount"


def test_of_many_values_and_moves_ten_are_told_and_all_are_counted() -> None:
    moves = tuple(Move(OktaId(f"00u{n}"), f"p{n}@acme.com", "A", "B") for n in range(12))
    counts = {f"v{n:02}": n for n in range(1, 13)}
    preview = MappingPreview(counts, {"x": 1}, tuple(f"u{n:02}" for n in range(11)), 1, moves=moves)
    told = render_text([replace(EMPTY, plan=replace(PLAN, preview=preview))])
    assert '78 people with a value that a row claims: "v12" 12, "v11" 11' in told
    assert '"v03" 3, and 2 more' in told
    assert 'no row claims "x", which 1 person has' in told
    assert "1 person has no value" in told
    assert '"u09", and 1 more' in told
    assert "12 people with an account would move:" in told
    assert "p9@acme.com: A -> B\n      and 2 more" in told


def test_a_plan_without_actions_and_findings_is_one_sentence_of_markdown() -> None:
    assert render_markdown([EMPTY]).splitlines() == [
        "### ScimIntegration default/calendly (mode Observe)",
        "",
        "**nothing to do**",
    ]


def test_differences_that_an_action_puts_right_are_counted_and_not_told_twice() -> None:
    item = DriftItem(DriftKind.ATTRIBUTE, "Provider", "bob@example.com x", "a", "b", UPDATE.subject)
    other = DriftItem(DriftKind.SETTING, "Okta", "username format", "a", "b")
    told = render_text([replace(WHOLE, plan=replace(PLAN, drift=(item, item, other)))])
    assert "  Drift:\n    Setting username format: b -> a\n    2 Attribute, put right by actions" in told


def test_a_move_between_groups_is_read_as_one() -> None:
    one = world.person(1, profile=("Engineering", "p1@acme.com", "p1"))
    held = [world.account_of(one)]
    state = world.with_groups(world.actual([one], held), {"Sales": [1], "Engineering": []})
    desired = world.make_desired(group=world.desired_scim_groups())
    plan = make_plan(desired, state, world.memory(held))
    text = render_text([Planned("team", "calendly", "Enforce", plan, Verdict(plan.actions))])
    assert "ChangeMemberships  p1@acme.com  the value Engineering leads to the group Engineering" in text
    assert "group Engineering: (none) -> member" in text
    assert "group Sales: member -> (none)" in text
    assert "p1@acme.com: Sales -> Engineering" in text


def test_what_waits_for_a_confirmation_is_told_in_every_form() -> None:
    rows = tuple(
        WaitingChange(f"00u{n}", f"p{n}", "userName", "new", "2026-03-02T12:00:00Z") for n in range(12)
    )
    plan = replace(Plan((), ""), unconfirmed=(replace(rows[0], since=""), *rows[1:]))
    planned = [Planned("team", "calendly", "Enforce", plan, Verdict(()))]
    for told in (render_text(planned), render_markdown(planned)):
        assert "Waits for a confirmation" in told and "p0 userName: new\n" in told
        assert "p1 userName: new, sent on 2026-03-02" in told and "and 2 more" in told
    found = render_json(planned)["integrations"][0]["plan"]["unconfirmed"]
    assert found[1] == {
        "id": "00u1",
        "login": "p1",
        "path": "userName",
        "value": "new",
        "since": rows[1].since,
    }
