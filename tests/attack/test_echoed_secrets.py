"""A server that repeats a credential, in any form, and texts that a terminal or a page would obey."""

from __future__ import annotations

import asyncio
import base64
import html
import io
import json
import logging
import random
import string
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from controller.cli.terminal import emit
from controller.clock import ManualClock
from controller.errors import Rejected, RemoteError, SpecError, Unavailable
from controller.logs import JsonFormatter, TextFormatter
from controller.okta.client import OktaClient
from controller.operator.cluster import Cluster, path_of
from controller.operator.store import ORG
from controller.outside_text import MASK, markdown, masked, remember, shown, shown_tree
from controller.planning.make_plan import make_plan
from controller.planning.output.plan_json import render_json
from controller.planning.output.render import Planned, render_markdown, render_text
from controller.planning.policy.decision import Circumstances, judge
from controller.reconcile.events import Event
from controller.scim.admin import AdminClient
from controller.scim.client import ScimClient
from controller.transport.retry import NO_RETRY
from controller.transport.session import Remote, Session, Wiring
from tests.unit.kube.fakeapi import FakeApi
from tests.unit.operator.bodies import body as made
from tests.unit.planning import world

TOKENS = st.text(string.ascii_letters + string.digits + "-._~+/=", min_size=16, max_size=80)
Encode = Callable[[str], str]


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


ENCODINGS: dict[str, Encode] = {
    "as it is": str,
    "in a header": lambda token: f"Authorization: Bearer {token}",
    "in capitals": str.upper,
    "backwards": lambda token: token[::-1],
    "in base64": b64,
    "in base64 of a URL": lambda token: base64.urlsafe_b64encode(token.encode()).decode(),
    "as Basic": lambda token: b64(f"user:{token}"),
    "as Basic of another length": lambda token: b64(f"us:{token}:x"),
    "as Basic of a third length": lambda token: b64(f"u:{token}"),
    "in percent": lambda token: "".join(f"%{ord(letter):02X}" for letter in token),
    "in percent twice": lambda token: quote("".join(f"%{ord(letter):02x}" for letter in token)),
    "quoted for a URL": lambda token: quote(b64(f"user:{token}"), safe=""),
    "in JSON escapes": lambda token: "".join(f"\\u{ord(letter):04x}" for letter in token),
    "in JSON in JSON": lambda token: json.dumps(json.dumps({"auth": token})),
    "in hexadecimal": lambda token: token.encode().hex(),
    "in hexadecimal capitals": lambda token: token.encode().hex().upper(),
    "in hexadecimal escapes": lambda token: "".join(f"\\x{ord(letter):02x}" for letter in token),
    "in HTML": lambda token: "".join(f"&#{ord(letter)};" for letter in token),
    "in hexadecimal HTML": lambda token: "".join(f"&#x{ord(letter):x};" for letter in token),
    "escaped for HTML": html.escape,
    "in lines": lambda token: "\n".join(token[at : at + 7] for at in range(0, len(token), 7)),
    "with what has no width": lambda token: "\u200b".join(token),
    "with bidirectional marks": lambda token: "\u202e".join(token),
    "with terminal escapes": lambda token: token[:9] + "\x1b[0m" + token[9:],
    "with one in each gap": "\x1b[31m".join,
    "with escaped ones": lambda token: "\\u001b[1m".join(
        token[at : at + 3] for at in range(0, len(token), 3)
    ),
    "in octal": lambda token: "".join(f"\\{ord(letter):03o}" for letter in token),
    "in bytes of a program": lambda token: ", ".join(f"0x{ord(letter):02x}" for letter in token),
    "in a dump": lambda token: ":".join(f"{ord(letter):02x}" for letter in token),
    "for a mail": lambda token: "".join(f"={ord(letter):02X}" for letter in token),
    "in wide letters": lambda token: "".join(chr(ord(letter) + 0xFEE0) for letter in token),
    "cut in pieces": lambda token: " | ".join(token[at : at + 13] for at in range(0, len(token), 13)),
}


def parts(text: str, size: int) -> set[str]:
    return {text[at : at + size] for at in range(len(text) - size + 1)}


def holds(text: str, token: str, encode: Encode) -> bool:
    """Whether 16 characters in a row of the token, or of its encoded form, are left in `text`."""
    flat = "".join(text.split()).lower()
    long = max(16, len(token) // 2)
    if any(part in flat for part in parts(token.lower(), min(long, len(token)))):
        return True
    encoded = "".join(encode(token).split()).lower()
    return any(part in flat for part in parts(encoded, min(len(encoded), 2 * len(encoded) // 3)))


@given(TOKENS, st.sampled_from(sorted(ENCODINGS)), st.text(max_size=40), st.text(max_size=40))
def test_no_form_of_a_credential_is_shown(token: str, form: str, before: str, behind: str) -> None:
    remember(token)
    encode = ENCODINGS[form]
    told = f"{before} {encode(token)} {behind}"
    for text in (shown(told), markdown(told), json.dumps(shown_tree({"a": [told], told: 1}))):
        assert not holds(text, token, encode), (form, text)


@given(TOKENS, st.data())
def test_no_large_part_of_a_credential_is_shown(token: str, data: st.DataObject) -> None:
    remember(token)
    size = data.draw(st.integers(min(len(token), 24), len(token)))
    start = data.draw(st.integers(0, len(token) - size))
    assert token[start : start + size] not in shown(f"part: {token[start : start + size]}!")


@given(st.text(string.ascii_letters, min_size=30, max_size=60), st.data())
def test_twelve_characters_with_a_digit_are_masked_wherever_they_begin(
    letters: str, data: st.DataObject
) -> None:
    token = "".join(letter if at % 6 else str(at % 10) for at, letter in enumerate(letters))
    remember(token)
    start = data.draw(st.integers(0, len(token) - 12))
    part = token[start : start + 12]
    assert part not in shown(f"the part {part}!") and part not in shown(f"[{part}]")


def test_words_of_a_credential_stay_words_elsewhere() -> None:
    remember("scim-operator-for-calendly-of-acme")
    text = "scim-operator deactivates ada@acme.com in calendly"
    assert shown(text) == text
    assert MASK in shown("token scim-operator-for-calendly-of-acme")


@given(st.text(max_size=300))
def test_what_is_shown_obeys_nobody(text: str) -> None:
    for told in (shown(text), markdown(text)):
        assert all(letter.isprintable() or letter in "\u200c\u200d" for letter in told)
        assert not any(letter in told for letter in "\u202e\u200b\u2066\ufeff\x1b\x9b\x07")
    assert len(shown(text, 20)) <= 20


def test_ordinary_words_are_left_alone() -> None:
    remember("abc")
    remember("secret!")
    text = "the provider refused abc and secret! for ada@example.com: 00u1abcdefghij"
    assert shown(text) == text and masked("short") == "short"


def test_a_replaced_credential_stays_masked() -> None:
    old, new = "first-token-0123456789", "second-token-9876543210"
    remember(old)
    remember(new)
    assert shown(f"{old} {new}") == f"{MASK} {MASK}"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("@org/team", "@&#8203;org/team"),
        ("ada@example.com", "ada@example.com"),
        ("[x](http://evil)", r"\[x\](http&#8203;://evil)"),
        ("![x](//evil)", r"\!\[x\](//evil)"),
        ("<img src=x>", "&lt;img src=x>"),
        ("a|b`c`*d*_e_~f~", r"a\|b\`c\`\*d\*\_e\_\~f\~"),
        ("# title", r"\# title"),
        ("1. item", r"1\. item"),
        ("a\n\n- b", "a - b"),
        ("&lt;script>", "&amp;lt;script>"),
        ("www.evil.example", "www&#8203;.evil.example"),
    ],
)
def test_markdown_shows_just_the_text(text: str, told: str) -> None:
    assert markdown(text) == told


STATUSES = (400, 401, 403, 404, 409, 412, 422, 429, 500, 502, 503)
BODIES: tuple[Callable[[str], Any], ...] = (
    lambda echo: {"errorCode": "E0000001", "errorSummary": echo, "errorCauses": [{"errorSummary": echo}]},
    lambda echo: {
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"],
        "detail": echo,
        "scimType": echo,
    },
    lambda echo: {"type": "about:blank", "title": echo, "detail": echo},
    lambda echo: {"error": echo, "error_description": echo},
    lambda echo: echo,
)


async def failures(handler: Callable[[httpx.Request], httpx.Response], token: str) -> list[RemoteError]:
    """The errors of every client whose credential is `token`, against one server."""

    class Auth:
        async def headers(self, method: str, url: str) -> dict[str, str]:
            return {"authorization": f"Bearer {token}"}

        def secrets(self) -> tuple[SecretStr, ...]:
            return (SecretStr(token),)

        async def renew(self, answer: Any, sent: Any) -> bool:
            return False

    def session(api: str, system: str) -> Session:
        wiring = Wiring(
            retry=NO_RETRY, clock=ManualClock(), auth=Auth(), transport=httpx.MockTransport(handler)
        )
        return Session(Remote("https://api.example.com", api, system), wiring)

    okta, admin = OktaClient(session("okta", "Okta")), AdminClient(session("admin", "admin"))
    scim = ScimClient(session("scim", "SCIM"))
    found = []
    for call in (okta.user("00u1"), okta.app("0oa1"), admin.organization(), scim.user("1")):
        try:
            await call
        except RemoteError as error:
            found.append(error)
    return found


@pytest.mark.parametrize("form", sorted(ENCODINGS))
async def test_no_error_of_any_client_repeats_a_credential(form: str) -> None:
    encode, token = ENCODINGS[form], "00" + "".join(random.Random(form).sample(string.ascii_letters, 40))
    for status in STATUSES:
        for body in BODIES:
            content = json.dumps(body(encode(token)))
            errors = await failures(lambda r: httpx.Response(status, content=content), token)  # noqa: B023
            assert errors, (status, content)
            for error in errors:
                assert not holds(f"{error.message} {error} {error.reason}", token, encode), error.message


async def test_neither_status_nor_an_event_repeats_one() -> None:
    token = "xoxb-2718281828-abcdefghijkl"
    remember(token)
    api, body = FakeApi(), made(ORG)
    place = (ORG, body["metadata"]["namespace"], body["metadata"]["name"])
    api.put(path_of(place), body)
    cluster = Cluster(api, ManualClock())  # type: ignore[arg-type]
    condition = {"type": "Ready", "status": "False", "reason": "X", "message": f"\x1b[2J {b64(token)}"}
    status = {"conditions": [condition], "drift": {"items": [{"what": token, "expected": [f"%{token}"]}]}}
    await cluster.write_status({**api.put(path_of(place), body), "kind": ORG}, status)
    await cluster.post_event(body, Event("Warning", "PushFailed", f"Okta says: {token}\u202e"))
    written = json.dumps(api.objects if hasattr(api, "objects") else vars(api), default=str)
    assert token not in written and b64(token) not in written
    assert MASK in written and "\\u001b" not in written and "\\u202e" not in written


@pytest.mark.parametrize("formatter", [JsonFormatter(), TextFormatter()])
def test_no_log_line_repeats_one(formatter: logging.Formatter) -> None:
    token = "ssws-3141592653-abcdefghijkl"
    remember(token)
    try:
        raise ValueError(f"while sending {token}")
    except ValueError as error:
        text = f"\n2026 forged {token}"
        seen = (type(error), error, None)
        record = logging.LogRecord("x", logging.ERROR, "x.py", 1, "from outside: %s", (text,), seen)
    record.facts = {"detail": token, "nested": {"url": f"https://x/?t={quote(token)}"}, token: 1}
    line = formatter.format(record)
    assert token not in line and MASK in line
    assert "forged" in line.split("\n")[0]


def test_no_plan_repeats_one_or_gives_a_page_something_to_obey(capsys: pytest.CaptureFixture[str]) -> None:
    token = "tok-1618033988-abcdefghijklmn"
    remember(token)
    odd = replace(world.person(1), profile=(f"@org/team [x](http://e) {token}", "p1@acme.com", "Ada"))
    desired, actual = world.make_desired(), world.actual([odd])
    plan = make_plan(desired, actual, world.memory())
    verdict = judge(plan, desired, actual, world.memory(), Circumstances(world.NOW))
    planned = Planned("team", "calendly", "Enforce", plan, verdict)
    page = render_markdown([planned])
    assert token not in page and "@org/team" not in page and "](" not in page.replace("\\](", "")
    emit(render_text([planned]) + f"\x1b]0;title\x07{token}")
    emit(json.dumps(render_json([planned])), to_errors=True)
    out = capsys.readouterr()
    assert token not in out.out + out.err and "\x1b" not in out.out


def test_a_message_of_ours_is_masked_whoever_makes_it() -> None:
    token = "pat-1414213562-abcdefghijklmn"
    remember(token)
    for error in (
        SpecError(f"refused: {token}", field="spec.x"),
        Unavailable(token, system="SCIM"),
        Rejected(f"{token}\x1b[31m\u202e", system="Okta", status=400),
    ):
        assert token not in str(error) and "\x1b" not in str(error) and "\u202e" not in str(error)


async def test_masking_is_quick_enough_for_long_texts() -> None:
    remember("quick-0577215664-abcdefghijkl")
    long = "a plan of many people: p12345@example.com is assigned in Okta " * 20_000
    await asyncio.wait_for(asyncio.to_thread(masked, long), 20)
    assert io.StringIO(masked(long[:1000])).read() == long[:1000]
