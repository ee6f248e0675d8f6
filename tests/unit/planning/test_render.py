"""Plans for readers: text, Markdown, and JSON that follows its schema."""

from __future__ import annotations

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
    Plan,
    Problem,
    Seats,
    SeatState,
    Verdict,
)
from controller.planning.plan_json import SCHEMA, render_json
from controller.planning.render import Planned, render_markdown, render_text, summary

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
    preview=MappingPreview({"A": 1}, {"a ": 3}, ("B",), 2, {"a ": "A"}),
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
        "      displayName: Bob | B -> Bob�C",
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
        "    no row claims a, which 3 people have; did you mean A?",
        "    2 people have no value",
        "    nobody has B",
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
    change = "displayName: Bob \\| B -> Bob�C; nickName: (none) -> x"
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
