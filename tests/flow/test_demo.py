"""The demo as a person sees it: all that it claims holds, on 80 columns, also with people of one's own."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from controller.errors import SpecError
from scim_sandbox.console_output import Stage
from scim_sandbox.demo import run_demo
from scim_sandbox.people import SandboxPerson, generated, read_csv

DEPARTMENTS = ("Research & Development", "Käse", "Legal")


def stage_on(text: io.StringIO) -> Stage:
    return Stage(Console(file=text, width=80, highlight=False, soft_wrap=True))


async def test_every_claim_of_the_demo_holds_within_80_columns() -> None:
    shown = io.StringIO()
    held = await run_demo(stage=stage_on(shown))
    lines = shown.getvalue().splitlines()
    assert held, shown.getvalue()
    assert max(map(len, lines)) <= 80
    assert [line for line in lines if "✗" in line] == []
    assert any("Calendly" in line and "Enforce" in line and "True" in line for line in lines)


async def test_the_demo_plays_with_people_of_ones_own(tmp_path: Path) -> None:
    people = [
        f"p{number}@example.com,First{number},Last{number},,{DEPARTMENTS[number % 3]},"
        + ("Executives" if number in (12, 15) else "")
        for number in range(18)
    ]
    file = tmp_path / "people.csv"
    file.write_text("login,first,last,display name,department,groups\n" + "\n".join(people), encoding="utf-8")
    shown = io.StringIO()
    assert await run_demo(read_csv(file), stage_on(shown)), shown.getvalue()
    assert "Käse" in shown.getvalue()


@pytest.mark.parametrize(
    ("people", "words"),
    [
        (generated(9), "at least 8 people with the app"),
        (
            tuple(SandboxPerson(f"p{n}@example.com", "P", str(n), "", "One", ()) for n in range(30)),
            "two departments",
        ),
    ],
)
async def test_people_with_whom_it_cannot_be_played_are_refused_before_anything_starts(
    people: tuple[SandboxPerson, ...], words: str
) -> None:
    with pytest.raises(SpecError, match=words):
        await run_demo(people, stage_on(io.StringIO()))
