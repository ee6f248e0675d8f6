"""The embedded API server answers as kube-apiserver 1.36 did, step by step of the recorded scenario.

A real API server, where there is one, plays the same scenario, so that the recording cannot
grow old unnoticed.
"""

from __future__ import annotations

import asyncio
import json
import ssl
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from controller.clock import SystemClock
from scim_sandbox.kubernetes.app import build_app
from scim_sandbox.serving import serve
from tests.cluster.control_plane import ADMIN, ControlPlane, token_of
from tests.cluster.fixtures import APIS, EMBEDDED
from tests.contract.kubernetes.player import Outcome, Player, dig
from tests.contract.kubernetes.scenario import DEFINITION, play

RECORDED: dict[str, dict[str, Any]] = {
    step["step"]: step
    for step in map(json.loads, (Path(__file__).parent / "recorded-1.36.jsonl").read_text().splitlines())
}
TOKEN = "contract"


async def _played_on_embedded() -> dict[str, Outcome]:
    served = await serve(build_app(SystemClock(), SecretStr(TOKEN)))
    try:
        return await _played(served.url, TOKEN)
    finally:
        await served.stop()


async def _played(url: str, token: str, ca_file: Path | None = None) -> dict[str, Outcome]:
    trusted = ssl.create_default_context(cafile=ca_file)
    headers = {"authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=url, headers=headers, verify=trusted, trust_env=False) as client:
        player = Player(client)
        await play(player)
        return player.outcomes


@pytest.fixture(scope="module", params=APIS)
def outcomes(request: pytest.FixtureRequest) -> dict[str, Outcome]:
    """The whole scenario, played once over HTTP."""
    if request.param == EMBEDDED:
        return asyncio.run(_played_on_embedded())
    plane: ControlPlane = request.getfixturevalue("plane")
    try:
        return asyncio.run(_played(plane.url, token_of(ADMIN), plane.ca_file))
    finally:
        with plane.admin() as admin:
            admin.delete(DEFINITION)


def test_the_scenario_plays_every_recorded_step(outcomes: dict[str, Outcome]) -> None:
    assert sorted(outcomes) == sorted(RECORDED)
    assert len(outcomes) == 116


@pytest.mark.parametrize("name", RECORDED)
def test_answers_as_recorded(outcomes: dict[str, Outcome], name: str) -> None:
    recorded, outcome = RECORDED[name], outcomes[name]
    assert outcome.code == recorded["code"], outcome.answer
    for path in recorded["expect"]:
        assert dig(outcome.answer, path) == dig(recorded["answer"], path), path


MESSAGES_OF_ITS_OWN = {
    "not-json": "the JSON parsers of Go and Python word their errors differently",
    "list-continue-bad": "continue tokens are opaque, and so is what is wrong with one",
    "delete-precondition": "the message carries a uid",
}


@pytest.mark.parametrize("name", [name for name in RECORDED if name not in MESSAGES_OF_ITS_OWN])
def test_refuses_in_the_recorded_words(outcomes: dict[str, Outcome], name: str) -> None:
    recorded = RECORDED[name]["answer"]
    message = recorded.get("message") if isinstance(recorded, dict) else recorded
    answer = outcomes[name].answer
    assert (answer.get("message") if isinstance(answer, dict) else answer) == message
