"""Nobody is locked out, and nothing is taken from people by one click."""

from __future__ import annotations

import asyncio
import logging
import re
import stat
import subprocess
import sys
from datetime import timedelta
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from controller.cli.provider_token import TokenOptions, issue
from controller.clock import ManualClock
from controller.errors import SpecError
from controller.http_limits import ServerLimits
from controller.http_server import Door
from controller.provider.metrics_page import MetricsPage
from tests.contract.provider.conftest import acme, calendly, clock, database_url, postgres_server, world  # noqa: F401
from tests.contract.provider.test_console import Browser
from tests.contract.provider.world import CALENDLY, Client, World

pytestmark = pytest.mark.usefixtures("world")


async def new_token(
    client: Client, name: str, expires_in: Any = None, scopes: tuple[str, ...] = ("admin",)
) -> Any:
    body = {"name": name, "scopes": list(scopes)} | ({"expiresIn": expires_in} if expires_in else {})
    return (await client.admin("POST", "/tokens", body)).json()


async def own_id(client: Client) -> str:
    tokens = (await client.admin("GET", "/tokens")).json()["tokens"]
    return str(next(each["id"] for each in tokens if each["name"] == "admin"))


async def revoke(client: Client, token_id: str) -> int:
    return (await client.admin("DELETE", f"/tokens/{token_id}")).status_code


async def test_the_last_admin_token_is_not_revoked_by_the_api(acme: Client) -> None:  # noqa: F811
    own = await own_id(acme)
    answer = await acme.admin("DELETE", f"/tokens/{own}")
    assert answer.status_code == 409 and answer.json()["reason"] == "LastAdminToken"
    assert "Generate another admin token first" in answer.json()["detail"]
    await new_token(acme, "reader", scopes=("admin", "read-only"))
    await new_token(acme, "okta", scopes=("scim",))
    assert await revoke(acme, own) == 409
    other = await new_token(acme, "other")
    assert await revoke(acme, own) == 204
    acme.org.__dict__["admin_token"] = other["token"]
    assert await revoke(acme, other["id"]) == 409


@pytest.mark.parametrize("lifetime", ["20m", "1200s"])
async def test_a_token_that_ends_soon_is_nobody_to_rely_on(acme: Client, lifetime: str) -> None:  # noqa: F811
    await new_token(acme, "soon", lifetime)
    assert await revoke(acme, await own_id(acme)) == 409
    await new_token(acme, "later", "2160h")
    assert await revoke(acme, await own_id(acme)) == 204


async def test_a_token_that_has_expired_or_was_revoked_counts_for_nothing(
    acme: Client,  # noqa: F811
    clock: ManualClock,  # noqa: F811
) -> None:
    expired, revoked = await new_token(acme, "a", "1h"), await new_token(acme, "b")
    assert await revoke(acme, revoked["id"]) == 204
    clock.advance(3601)
    assert await revoke(acme, await own_id(acme)) == 409
    assert await revoke(acme, expired["id"]) == 204  # dead already: nothing is lost


async def test_of_two_who_revoke_the_last_two_at_once_one_is_refused(acme: Client) -> None:  # noqa: F811
    other = await new_token(acme, "other")
    statuses = await asyncio.gather(revoke(acme, await own_id(acme)), revoke(acme, other["id"]))
    assert sorted(statuses) in ([204, 401], [204, 409])


async def test_of_one_organization_nothing_counts_for_another(acme: Client, calendly: Client) -> None:  # noqa: F811
    await new_token(calendly, "other")
    assert await revoke(acme, await own_id(acme)) == 409


@pytest.fixture
async def browser(calendly: Client) -> Browser:  # noqa: F811
    browser = Browser(calendly)
    await browser.sign_in()
    return browser


def shown(browser: Browser) -> list[str]:
    """What the page that asks says will happen."""
    return [
        unescape(line)
        for line in re.findall(r"<li>(.*?)</li>", browser.page.partition("What will happen")[2])
    ]


async def test_turning_off_scim_asks_first_and_says_what_stops(browser: Browser) -> None:
    await browser.client.new_user("ada@x.com")
    assert (await browser.send("single-sign-on/scim", scim="off")).status_code == 200
    organization = (await browser.client.admin("GET", "/organization")).json()
    assert organization["scimEnabled"] is True
    assert "Turn off SCIM provisioning?" in browser.page and "1 person and 0 groups stay" in browser.page
    assert any("403 to every request" in line for line in shown(browser))
    assert "SCIM provisioning was changed" in (await browser.agree()).text
    assert (await browser.client.admin("GET", "/organization")).json()["scimEnabled"] is False
    await browser.send("single-sign-on/scim", scim="on")
    assert (await browser.client.admin("GET", "/organization")).json()["scimEnabled"] is True


async def test_turning_off_single_sign_on_asks_and_tells_that_scim_stops_too(browser: Browser) -> None:
    await browser.send("single-sign-on/sso", sso="off")
    assert any("SCIM provisioning stops as well" in line for line in shown(browser))
    assert (await browser.client.admin("GET", "/organization")).json()["sso"] is True
    await browser.agree()
    assert (await browser.client.admin("GET", "/organization")).json()["sso"] is False


async def test_revoking_asks_and_the_last_admin_token_stays(browser: Browser) -> None:
    client = browser.client
    refused = await browser.send("single-sign-on/revoke", id=await own_id(client))
    assert refused.status_code == 409 and "last admin token" in refused.text
    okta = next(
        each for each in (await client.admin("GET", "/tokens")).json()["tokens"] if each["name"] == "scim"
    )
    await browser.send("single-sign-on/revoke", id=okta["id"])
    assert "Revoke the token scim?" in browser.page
    assert any("last token for SCIM" in line for line in shown(browser))
    assert (await client.scim("GET", "/Users")).status_code == 200
    assert "The token was revoked" in (await browser.agree()).text
    assert (await client.scim("GET", "/Users")).status_code == 401


async def test_revoking_one_s_own_token_says_that_the_session_ends(browser: Browser) -> None:
    await new_token(browser.client, "other", "2160h")
    await browser.send("single-sign-on/revoke", id=await own_id(browser.client))
    lines = shown(browser)
    assert any("1 admin token stays: other (until" in line for line in lines)
    assert any("this session ends at once" in line for line in lines)
    assert "Sign in" in (await browser.agree()).text


async def test_deactivating_asks_and_says_what_becomes_of_seat_and_record(browser: Browser) -> None:
    person = await browser.client.new_user("ada@x.com", displayName="Ada")
    await browser.send(f"people/{person['id']}/act", do="deactivate")
    assert "Deactivate Ada (ada@x.com)?" in browser.page and "One seat becomes free." in shown(browser)
    assert (await browser.client.person(person["id"]))["status"] == "pending"
    await browser.agree()
    assert (await browser.client.person(person["id"]))["status"] == "deactivated"


async def test_deleting_a_group_asks_and_counts_who_leaves(browser: Browser) -> None:
    client = browser.client
    await client.admin("POST", "/groups", {"displayName": "Pioneers"})
    (group,) = (await client.admin("GET", "/groups")).json()["groups"]
    people = [(await client.new_user(f"u{n}@x.com"))["id"] for n in range(2)]
    for person in people:
        await client.admin("PATCH", f"/people/{person}", {"groups": ["Pioneers"]})
    await browser.send(f"groups/{group['id']}/delete")
    assert shown(browser)[0].startswith("2 people leave the group")
    late = (await client.new_user("u2@x.com"))["id"]
    await client.admin("PATCH", f"/people/{late}", {"groups": ["Pioneers"]})
    again = await browser.agree()
    assert again.status_code == 409 and "Something has changed since" in again.text
    assert shown(browser)[0].startswith("3 people leave the group")
    await browser.agree()
    assert (await client.admin("GET", "/groups")).json()["total"] == 0


async def test_taking_somebody_out_of_a_group_asks(browser: Browser) -> None:
    client = browser.client
    await client.admin("POST", "/groups", {"displayName": "Pioneers"})
    person = (await client.new_user("ada@x.com", displayName="Ada"))["id"]
    await browser.send(f"people/{person}", edits__groups="yes", groups="Pioneers", displayName="Ada")
    assert (await client.person(person))["groups"] == ["Pioneers"]
    await browser.send(f"people/{person}", edits__groups="yes", displayName="Countess")
    assert shown(browser) == ["Ada leaves 1 group: Pioneers."]
    await browser.agree()
    after = await client.person(person)
    assert (after["groups"], after["displayName"]) == ([], "Countess")


async def test_renaming_a_group_of_the_mapping_asks(browser: Browser) -> None:
    client = browser.client
    await client.map_values(entries=[{"values": ["Eng"], "group": "G"}], createGroups="WhenMissing")
    (group,) = (await client.admin("GET", "/groups")).json()["groups"]
    await client.new_user("ada@x.com", **{CALENDLY: {"group": "Eng"}})
    await browser.send(f"groups/{group['id']}/rename", name="H")
    assert "The mapping leads to G" in shown(browser)[0]
    await browser.agree()
    assert (await client.admin("GET", "/groups")).json()["groups"][0]["displayName"] == "H"


async def test_fewer_seats_than_are_used_ask(world: World) -> None:  # noqa: F811
    client = world.organization("Card Payer", seats=5, billing="Card")
    browser = Browser(client)
    await browser.sign_in()
    for number in range(3):
        await client.new_user(f"u{number}@x.com")
    assert "was changed" in (await browser.send("billing", purchased="3")).text
    await browser.send("billing", purchased="1")
    assert shown(browser)[0] == "3 seats are used, 2 more than you would have."
    assert (await client.seats())["purchased"] == 3
    await browser.agree()
    assert (await client.seats())["purchased"] == 1


async def test_agreeing_to_one_thing_is_agreeing_to_nothing_else(browser: Browser) -> None:
    """The digest of what was shown for Ada does not deactivate Bob, and no page can be skipped."""
    ada, bob = [await browser.client.new_user(f"{name}@x.com") for name in ("ada", "bob")]
    await browser.send(f"people/{ada['id']}/act", do="deactivate")
    agreed = re.findall(r'name="confirmed" value="(\w+)"', browser.page)[0]
    for confirmed in (agreed, "yes", "0" * 16):
        answer = await browser.send(f"people/{bob['id']}/act", do="deactivate", confirmed=confirmed)
        assert answer.status_code == 409
    assert (await browser.client.person(bob["id"]))["status"] == "pending"
    forged = await browser.http.post(
        f"{browser.home}/people/{ada['id']}/act",
        data={"do": "deactivate", "confirmed": agreed, "csrf": "wrong"},
        headers={"origin": "http://provider.test"},
    )
    assert forged.status_code == 403
    assert (await browser.client.person(ada["id"]))["status"] == "pending"


async def test_what_people_call_themselves_is_text_on_the_page_that_asks(browser: Browser) -> None:
    bad = "<script>alert(1)</script>\"'"
    person = await browser.client.new_user("eve@x.com", displayName=bad)
    page = (await browser.send(f"people/{person['id']}/act", do="deactivate")).text
    assert "<script>alert" not in page and "&lt;script&gt;" in page


async def test_the_end_of_the_last_admin_token_is_announced_everywhere(
    world: World,  # noqa: F811
    acme: Client,  # noqa: F811
    clock: ManualClock,  # noqa: F811
    caplog: pytest.LogCaptureFixture,
) -> None:
    page = MetricsPage(world.provider.database, Door(ServerLimits()), clock)
    await world.provider.announce_expiry()
    assert "expiry_timestamp_seconds{" not in (await page.render()).decode() and not caplog.records
    other = await new_token(acme, "ending", str(20 * 24) + "h")
    assert await revoke(acme, await own_id(acme)) == 204
    ends = (clock.now() + timedelta(days=20)).timestamp()
    text = (await page.render()).decode()
    found = re.search(r'admin_token_expiry_timestamp_seconds\{organization="acme"\} (\S+)', text)
    assert found and float(found.group(1)) == ends
    browser = Browser(acme)
    assert "The last admin token expires" not in (await browser.sign_in(other["token"])).text
    clock.advance(10 * 86_400)
    await world.provider.announce_expiry()
    await world.provider.announce_expiry()
    told = [record for record in caplog.records if "last admin token" in record.message]
    assert len(told) == 1 and getattr(told[0], "facts")["days"] == "10"  # noqa: B009
    text = (await browser.sign_in(other["token"])).text
    assert "The last admin token expires in 10 days" in text
    clock.advance(86_400)
    await world.provider.announce_expiry()
    assert len([record for record in caplog.records if "last admin token" in record.message]) == 2
    clock.advance(20 * 86_400)
    await world.provider.announce_expiry()
    assert caplog.records[-1].levelno == logging.ERROR
    assert 'scim_provider_admin_tokens{organization="acme"} 0.0' in (await page.render()).decode()


def options(url: str, organization: str, **more: Any) -> TokenOptions:
    values = {"name": "scimctl", "scopes": "admin", "lifetime": "2160h", "output": None} | more
    return TokenOptions(database=url, organization=organization, **values)


async def test_whoever_has_the_database_can_issue_a_token(
    world: World,  # noqa: F811
    acme: Client,  # noqa: F811
    database_url: str,  # noqa: F811
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    await asyncio.to_thread(issue, options(database_url, "acme"))
    told = capsys.readouterr()
    token = told.out.strip()
    assert re.fullmatch(r"scim_[\w-]{40,}", token) and token not in told.err
    headers = {"authorization": f"Bearer {token}"}
    made = await acme.admin("POST", "/tokens", {"name": "new", "scopes": ["admin"]}, headers=headers)
    assert made.status_code == 201
    file = tmp_path / "token"
    await asyncio.to_thread(
        issue, options(database_url, "acme", output=file, scopes="scim", lifetime="never")
    )
    told = capsys.readouterr()
    assert told.out == "" and stat.S_IMODE(file.stat().st_mode) == 0o600
    headers = {"authorization": f"Bearer {file.read_text().strip()}"}
    assert (await acme.scim("GET", "/Users", headers=headers)).status_code == 200
    entries = (await acme.admin("GET", "/journal")).json()["entries"]
    assert "scimctl" in {each["actor"] for each in entries}


async def test_what_cannot_be_issued_is_told_by_option(
    world: World,  # noqa: F811
    acme: Client,  # noqa: F811
    database_url: str,  # noqa: F811
    tmp_path: Path,
) -> None:
    def told(**more: Any) -> str:
        with pytest.raises(SpecError) as caught:
            issue(options(more.pop("url", database_url), more.pop("organization", "acme"), **more))
        return str(caught.value)

    def all_of_them() -> list[str]:
        return [
            told(organization="nobody"),
            told(scopes="root"),
            told(lifetime="soon"),
            told(lifetime=""),
            told(output=tmp_path / "no" / "file"),
            told(url=f"sqlite:///{tmp_path}/missing.sqlite"),
        ]

    texts = await asyncio.to_thread(all_of_them)
    assert "there are: acme" in texts[0] and "scopes:" in texts[1] and "expiresIn" in texts[2]
    assert "--expires-in" in texts[3] and "--output" in texts[4] and "--database" in texts[5]
    assert not (tmp_path / "missing.sqlite").exists()


def test_the_command_prints_the_token_alone(tmp_path: Path) -> None:
    scimctl = [sys.executable, "-m", "controller.cli.main", "provider"]
    database = ["--database", f"sqlite:///{tmp_path}/p.sqlite"]
    subprocess.run([*scimctl, "create", "acme", *database], check=True, capture_output=True)
    run = subprocess.run([*scimctl, "token", "acme", *database], check=True, capture_output=True, text=True)
    assert re.fullmatch(r"scim_[\w-]{40,}\n", run.stdout)
    failed = subprocess.run([*scimctl, "token", "x", *database], capture_output=True, text=True)
    assert failed.returncode == 1 and "Traceback" not in failed.stderr and "acme" in failed.stderr
