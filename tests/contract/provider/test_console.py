"""The console over HTTP: who gets in, what a form must carry, what a page must never hold."""

from __future__ import annotations

import json
import re
from html import unescape
from typing import Any

import httpx
import pytest

from controller.clock import ManualClock
from controller.provider.app import build_app
from controller.provider.console.routes import PAGES
from tests.contract.provider.world import Client, Json, World, okta_user

ORIGIN = "http://provider.test"


class Browser:
    """A browser without a window: cookies, forms with their CSRF token, redirects followed."""

    def __init__(self, client: Client) -> None:
        self.client, self.home = client, client.org.console_path
        transport = client.http._transport
        self.http = httpx.AsyncClient(transport=transport, base_url=ORIGIN, follow_redirects=True)
        self.page = ""

    async def sign_in(self, token: str | None = None) -> httpx.Response:
        """The page after signing in."""
        form = {"organization": self.client.org.id, "token": token or self.client.org.admin_token}
        return self._keep(await self.http.post("/console/sign-in", data=form, headers={"origin": ORIGIN}))

    async def get(self, path: str) -> httpx.Response:
        """A page below the organization's home."""
        return self._keep(await self.http.get(f"{self.home}/{path}"))

    async def send(self, path: str, headers: Json | None = None, **form: Any) -> httpx.Response:
        """A form of the page that was seen last."""
        form = {"csrf": self.csrf} | {name.replace("__", "-"): value for name, value in form.items()}
        return self._keep(
            await self.http.post(
                f"{self.home}/{path}", data=form, headers={"origin": ORIGIN} | (headers or {})
            )
        )

    async def agree(self) -> httpx.Response:
        """Presses the button of the page that asks first."""
        form = re.search(r'<form method="post" action="([^"]+)" class="row">(.*?)</form>', self.page, re.S)
        assert form and "What will happen" in self.page, self.page
        pairs = re.findall(r'<(?:input type="hidden"|button) name="([^"]*)" value="([^"]*)"', form.group(2))
        data: dict[str, list[str]] = {}
        for name, value in pairs:
            data.setdefault(name, []).append(unescape(value))
        url = unescape(form.group(1))
        return self._keep(await self.http.post(url, data=data, headers={"origin": ORIGIN}))

    @property
    def csrf(self) -> str:
        """The token in the forms of the page."""
        found = re.search(r'name="csrf" value="([^"]+)"', self.page)
        return found.group(1) if found else ""

    def _keep(self, answer: httpx.Response) -> httpx.Response:
        self.page = answer.text
        return answer


@pytest.fixture
async def browser(calendly: Client) -> Browser:
    """Signed in to an organization that behaves as Calendly."""
    browser = Browser(calendly)
    assert (await browser.sign_in()).status_code == 200
    return browser


async def test_the_root_leads_a_browser_to_the_sign_in_page(acme: Client) -> None:
    answer = await acme.http.get("/", headers={"accept": "text/html"}, follow_redirects=True)
    assert answer.status_code == 200 and "Sign in to the admin center" in answer.text
    assert (await acme.http.get("/")).status_code == 404


async def test_every_page_needs_a_session(acme: Client) -> None:
    for method, pattern in PAGES:
        url = f"{acme.org.console_path}/{pattern.replace('{id}', 'x')}"
        answer = await acme.http.request(method, url)
        assert answer.status_code == 303
        assert answer.headers["location"] == "/console/sign-in?organization=acme"


@pytest.mark.parametrize("which", ["wrong", "scim"])
async def test_only_an_admin_token_signs_in(acme: Client, which: str) -> None:
    answer = await Browser(acme).sign_in("scim_wrong" if which == "wrong" else acme.org.scim_token)
    assert answer.status_code in (401, 403)
    assert 'role="alert"' in answer.text and "set-cookie" not in answer.headers


async def test_guessing_at_the_sign_in_page_is_told_to_wait(acme: Client) -> None:
    browser = Browser(acme)
    statuses = [(await browser.sign_in(f"scim_wrong{n}")).status_code for n in range(20)]
    assert statuses[0] == 401 and statuses[-1] == 429


async def test_the_cookie_is_out_of_reach_of_scripts_and_of_other_sites(acme: Client) -> None:
    form = {"organization": "acme", "token": acme.org.admin_token}
    answer = await acme.http.post("/console/sign-in", data=form)
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie and "samesite=strict" in cookie.lower() and "Path=/console/acme" in cookie
    assert acme.org.admin_token not in cookie
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy and "frame-ancestors 'none'" in policy


async def test_pages_have_neither_inline_scripts_nor_inline_styles(browser: Browser) -> None:
    for section in ("single-sign-on", "map-to-groups", "people", "groups", "billing", "journal"):
        page = (await browser.get(section)).text
        assert not re.search(r"<script(?! src=)|<style| style=| on[a-z]+=", page), section


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://[x"},
        {"sec-fetch-site": "cross-site"},
    ],
)
async def test_forms_from_elsewhere_are_refused(browser: Browser, headers: Json) -> None:
    answer = await browser.send("single-sign-on/scim", headers, scim="off")
    assert answer.status_code == 403
    assert (await browser.client.admin("GET", "/organization")).json()["scimEnabled"] is True


async def test_a_form_without_the_session_s_token_is_refused(browser: Browser) -> None:
    for csrf in ("", "x" * 43, "\N{SNOWMAN}"):
        assert (await browser.send("single-sign-on/scim", scim="off", csrf=csrf)).status_code == 403
        await browser.get("single-sign-on")
    assert (await browser.client.admin("GET", "/organization")).json()["scimEnabled"] is True


async def test_signing_in_from_another_site_is_refused(acme: Client) -> None:
    form = {"organization": "acme", "token": acme.org.admin_token}
    headers = {"origin": "https://evil.example"}
    answer = await acme.http.post("/console/sign-in", data=form, headers=headers)
    assert answer.status_code == 403 and "set-cookie" not in answer.headers


async def test_behind_a_proxy_that_ends_tls_forms_still_work(browser: Browser) -> None:
    answer = await browser.send("single-sign-on/sso", {"origin": "https://provider.test"}, sso="on")
    assert answer.status_code == 200


async def test_past_the_public_address_forms_still_work(database_url: str, clock: ManualClock) -> None:
    provider = build_app(database_url, clock, public_url="http://scim.example.com")
    world = World(provider, clock)
    browser = Browser(world.organization())
    assert (await browser.sign_in()).status_code == 200
    assert "http://scim.example.com/scim/v2/acme" in browser.page
    assert (await browser.send("groups", name="Pioneers")).status_code == 200
    await provider.close()


async def test_a_session_of_one_organization_opens_no_other(browser: Browser, acme: Client) -> None:
    secret = next(iter(browser.http.cookies.jar)).value
    headers = {"cookie": f"provider_session={secret}"}
    answer = await acme.http.get("/console/acme/people", headers=headers)
    assert answer.status_code == 303


async def test_a_session_ends_with_its_token_with_time_and_by_signing_out(
    browser: Browser, clock: ManualClock
) -> None:
    await browser.send("sign-out")
    assert "Sign in" in (await browser.get("people")).text
    await browser.sign_in()
    clock.advance(8 * 3600 + 1)
    assert "Sign in" in (await browser.get("people")).text
    await browser.sign_in()
    tokens = (await browser.client.admin("GET", "/tokens")).json()["tokens"]
    own = next(token["id"] for token in tokens if token["name"] == "admin")
    await browser.client.admin("POST", "/tokens", {"name": "other", "scopes": ["admin"]})
    await browser.send("single-sign-on/revoke", id=own)
    await browser.agree()
    assert "Sign in" in (await browser.get("people")).text


async def test_a_read_only_token_sees_all_and_changes_nothing(calendly: Client) -> None:
    made = await calendly.admin("POST", "/tokens", {"name": "Auditor", "scopes": ["admin", "read-only"]})
    browser = Browser(calendly)
    await browser.sign_in(made.json()["token"])
    assert "read-only token" in (await browser.get("people")).text
    assert (await browser.send("billing", purchased="9")).status_code == 403
    assert (await calendly.seats())["purchased"] == 3


async def test_a_token_is_shown_once(browser: Browser) -> None:
    page = (await browser.send("single-sign-on/token", name="Okta", purpose="scim", lifetime="2160h")).text
    (secret,) = set(re.findall(r"scim_[\w-]{40,}", page))
    answer = await browser.http.get(
        "/scim/v2/calendly-customer/Users", headers={"authorization": f"Bearer {secret}"}
    )
    assert answer.status_code == 200
    assert secret not in (await browser.get("single-sign-on")).text
    assert secret not in (await browser.get("journal")).text


async def test_a_third_token_of_a_name_is_refused_in_words(browser: Browser) -> None:
    for _ in range(2):
        await browser.send("single-sign-on/token", name="Okta", purpose="scim", lifetime="")
    answer = await browser.send("single-sign-on/token", name="Okta", purpose="scim", lifetime="")
    assert answer.status_code == 409 and "Two tokens named Okta are alive" in answer.text


async def test_scim_before_single_sign_on_is_refused_on_the_page(browser: Browser) -> None:
    await browser.send("single-sign-on/scim", scim="off")
    await browser.agree()
    await browser.send("single-sign-on/sso", sso="off")
    await browser.agree()
    answer = await browser.send("single-sign-on/scim", scim="on")
    assert answer.status_code == 409
    assert "single sign-on must be set up before SCIM" in answer.text


async def test_a_mapping_is_saved_only_as_it_was_previewed(browser: Browser) -> None:
    await browser.client.new_user("ada@x.com", **{"urn:calendly:scim:schemas:2.0:User": {"group": "Eng"}})
    form: Json = {"values": "Eng", "group": "Engineering", "create": "on", "action": "Keep", "default": ""}
    preview = await browser.send("map-to-groups", do="preview", **form)
    digest = re.search(r'name="digest" value="(\w+)"', preview.text)
    assert digest and "Engineering" in preview.text
    await browser.client.new_user("bob@x.com", **{"urn:calendly:scim:schemas:2.0:User": {"group": "Eng"}})
    stale = await browser.send("map-to-groups", do="save", digest=digest.group(1), **form)
    assert stale.status_code == 409 and "has changed since the preview" in stale.text
    fresh = re.search(r'name="digest" value="(\w+)"', stale.text)
    assert fresh
    saved = await browser.send("map-to-groups", do="save", digest=fresh.group(1), **form)
    assert saved.status_code == 200 and "The mapping is saved" in saved.text
    assert (await browser.client.admin("GET", "/groups")).json()["groups"][0]["members"] == 2


@pytest.mark.parametrize(
    ("form", "told"),
    [
        ({"values": "Eng", "group": ""}, "Choose a group for &#39;Eng&#39;"),
        ({"values": "", "group": "Engineering"}, "Type the values that lead to &#39;Engineering&#39;"),
        ({"values": "a\nb\na", "group": "G"}, "is given twice"),
        ({"values": "a", "group": "G", "action": "Default"}, "group is given with action Default"),
    ],
)
async def test_a_mapping_that_cannot_be_is_told_and_kept_in_the_form(
    browser: Browser, form: Json, told: str
) -> None:
    answer = await browser.send("map-to-groups", do="preview", **form)
    assert answer.status_code == 400 and told in answer.text
    assert form["group"] in answer.text


async def test_over_capacity_is_said_where_somebody_is_reactivated(browser: Browser) -> None:
    people = [(await browser.client.new_user(f"u{n}@x.com"))["id"] for n in range(3)]
    await browser.get("people")
    await browser.send(f"people/{people[0]}/act", do="deactivate")
    await browser.agree()
    await browser.client.new_user("u3@x.com")
    answer = await browser.send(f"people/{people[0]}/act", do="reactivate")
    assert answer.status_code == 403
    assert "over capacity" in answer.text and "Contact support" in answer.text
    assert "over capacity" in (await browser.get("billing")).text


async def test_seats_paid_by_invoice_are_not_sold_on_the_page(browser: Browser) -> None:
    assert 'name="purchased"' not in (await browser.get("billing")).text
    answer = await browser.send("billing", purchased="9")
    assert answer.status_code == 409 and "Contact support" in answer.text


async def test_edits_by_hand_follow_the_rules_of_the_admin_api(browser: Browser) -> None:
    person = (await browser.client.scim("POST", "/Users", okta_user("ada.lovelace@x.com", "Eng"))).json()
    await browser.get(f"people/{person['id']}")
    await browser.send(f"people/{person['id']}", displayName="Countess", email="ada@y.com")
    shown = await browser.client.person(person["id"])
    assert (shown["displayName"], shown["email"], shown["pendingEmail"]) == ("Countess", "ada@y.com", None)
    await browser.client.map_values(entries=[{"values": ["Eng"], "group": "G"}], createGroups="WhenMissing")
    answer = await browser.send(f"people/{person['id']}", edits__groups="yes", displayName="X")
    assert answer.status_code == 409 and "cannot be edited" in answer.text
    assert (await browser.client.person(person["id"]))["displayName"] == "Countess"


async def test_groups_are_created_renamed_and_deleted(browser: Browser) -> None:
    await browser.send("groups", name="Pioneers")
    (group,) = (await browser.client.admin("GET", "/groups")).json()["groups"]
    assert (await browser.send("groups", name="Pioneers")).status_code == 409
    await browser.send(f"groups/{group['id']}/rename", name="Founders")
    assert "Founders" in (await browser.get("groups")).text
    await browser.send(f"groups/{group['id']}/delete")
    assert "was deleted" in (await browser.agree()).text
    assert (await browser.send(f"groups/{group['id']}/delete")).status_code == 404


async def test_what_people_call_themselves_is_shown_as_text(browser: Browser) -> None:
    bad = "<script>alert(1)</script>\"'"
    person = await browser.client.new_user("eve@x.com", displayName=bad)
    for path in ("people", f"people/{person['id']}", "journal", "people?query=%3Cscript%3E"):
        page = (await browser.get(path)).text
        assert "<script>alert" not in page and "&lt;script&gt;" in page


async def test_the_journal_is_exported_as_json_lines(browser: Browser) -> None:
    answer = await browser.get("journal/export")
    assert answer.headers["content-type"] == "application/jsonl"
    actions = [json.loads(line)["action"] for line in answer.text.splitlines()]
    assert actions[0] == "organization.create" and actions[-1] == "session.open"


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("nosuch", 404),
        ("people/nobody", 404),
        ("people?after=x", 200),
        ("journal?before=%C2%B2", 200),
        ("people?status=x", 200),
        ("single-sign-on/token", 405),
        ("people?query=%ff", 400),
    ],
)
async def test_odd_addresses_get_a_page(browser: Browser, path: str, status: int) -> None:
    answer = await browser.get(path)
    assert answer.status_code == status
    assert answer.headers["content-type"].startswith("text/html") and "Traceback" not in answer.text


async def test_forms_out_of_bounds_are_refused(world: World, browser: Browser) -> None:
    assert (await browser.send("groups", name="x" * (2 << 20))).status_code == 413
    await browser.get("groups")
    assert (await browser.send("groups", name="a\x00b")).status_code == 400
    await browser.get("groups")
    assert (await browser.send("groups", name=" ")).status_code == 400
    assert (await browser.send("billing", purchased="-1")).status_code == 400
    assert (await browser.send("people/x/act", do="nonsense")).status_code in (400, 404)
