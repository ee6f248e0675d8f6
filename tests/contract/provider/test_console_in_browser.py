"""The manual's clicks in the SaaS's admin center, in headless Chromium: steps 6 and 13 to 17.

With SCREENSHOTS=FOLDER the pages that the README shows are photographed on the way.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, BrowserContext, Page, async_playwright

from controller.provider.app import CreatedOrganization, create_organization
from controller.provider.organizations import NewOrganization
from tests.conftest import missing
from tests.contract.provider.serve import served, until_healthy
from tests.contract.provider.world import Client, okta_user

FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
]  # fmt: skip
PATIENCE_MS = 60_000
SECTIONS = ("single-sign-on", "map-to-groups", "people", "groups", "billing", "journal")
CAST = {
    "ada.lovelace": "Engineering", "alan.turing": "Platform", "barbara.liskov": "Sales EMEA",
    "claude.shannon": "Sales US", "edsger.dijkstra": "Research", "donald.knuth": None,
}  # fmt: skip
pytestmark = [pytest.mark.slow, pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)]


@pytest.fixture
async def org(database_url: str) -> CreatedOrganization:
    """Billed by card, with as many seats as there are people, SCIM still off."""
    new = NewOrganization("Acme", profile="calendly", seats=len(CAST), billing="Card", scim_enabled=False)
    return await create_organization(database_url, new)


@pytest.fixture
async def url(database_url: str, org: CreatedOrganization) -> AsyncIterator[str]:
    """A provider that a browser can reach."""
    with served(database_url) as (_, url):
        await until_healthy(url)
        yield url


@pytest.fixture
async def chromium() -> AsyncIterator[Browser]:
    """Debian's Chromium, without a window."""
    path = shutil.which("chromium")
    if path is None:
        missing("Chromium")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=FLAGS, timeout=PATIENCE_MS)
        yield browser
        await browser.close()


@pytest.fixture
async def http(url: str, org: CreatedOrganization) -> AsyncIterator[Client]:
    """What Okta would send, beside the browser."""
    async with httpx.AsyncClient(base_url=url) as client:
        yield Client(client, org)


async def opened(context: BrowserContext, url: str) -> Page:
    """A page that fails the test where anything of it fails: scripts, the CSP, what it loads."""
    page = await context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.complaints = []  # type: ignore[attr-defined]
    page.on("console", lambda message: page.complaints.append(message.text))  # type: ignore[attr-defined]
    page.on("pageerror", lambda error: page.complaints.append(str(error)))  # type: ignore[attr-defined]
    await page.goto(url)
    return page


async def sign_in(page: Page, org: CreatedOrganization) -> None:
    """By keyboard alone: the first field has the focus."""
    await page.locator("#organization:focus").wait_for()
    await page.keyboard.type(org.id)
    await page.keyboard.press("Tab")
    await page.keyboard.type(org.admin_token)
    await page.keyboard.press("Enter")
    await page.get_by_role("heading", name="Single sign-on", exact=True).wait_for()


async def photograph(page: Page, name: str) -> None:
    """Keeps a picture of the page where SCREENSHOTS names a folder."""
    if os.environ.get("SCREENSHOTS"):
        await page.screenshot(path=Path(os.environ["SCREENSHOTS"], f"{name}.png"))


async def switch_on_and_generate(page: Page, url: str) -> str:
    """Step 6: SCIM on, base URL copied, bearer token generated; the token, as the clipboard has it."""
    await page.get_by_role("button", name="Turn on SCIM provisioning").click()
    await page.get_by_role("button", name="Copy base URL").click()
    await page.get_by_role("button", name="Copied").wait_for()
    assert await page.evaluate("navigator.clipboard.readText()") == f"{url}/scim/v2/acme"
    await page.get_by_role("button", name="Generate bearer token").click()
    await page.get_by_role("button", name="Copy token").click()
    await page.get_by_role("button", name="Copied").wait_for()
    token = await page.evaluate("navigator.clipboard.readText()")
    await page.get_by_role("button", name="Copy token").wait_for()
    return str(token)


async def map_to_groups(page: Page) -> None:
    """Steps 13 and 15: exact values on the left, groups on the right, preview, save."""
    await page.get_by_role("link", name="Map to groups").click()
    for row, (values, group) in enumerate(
        [("Engineering\nPlatform", "Engineering"), ("Sales EMEA\nSales US", "Sales")], start=1
    ):
        await page.get_by_label(f"Values, row {row}").fill(values)
        await page.get_by_label(f"Group, row {row}").fill(group)
    await page.get_by_label("Create groups that don't exist yet").check()
    await page.get_by_role("button", name="Preview").click()
    await page.get_by_role("heading", name="Preview of the mapping").wait_for()
    await photograph(page, "map-to-groups-preview")
    await page.get_by_role("button", name="Save").click()
    await page.get_by_text("The mapping is saved").wait_for()


async def test_the_manual_s_steps_in_the_admin_center(
    chromium: Browser, url: str, org: CreatedOrganization, http: Client
) -> None:
    context = await chromium.new_context(
        viewport={"width": 1180, "height": 820}, permissions=["clipboard-read", "clipboard-write"]
    )
    page = await opened(context, url)
    await sign_in(page, org)
    org_token = await switch_on_and_generate(page, url)
    await photograph(page, "single-sign-on")
    headers = {"authorization": f"Bearer {org_token}"}
    for name, group in CAST.items():
        answer = await http.scim("POST", "/Users", okta_user(f"{name}@acme.com", group), headers=headers)
        assert answer.status_code == 201
    await map_to_groups(page)
    # Step 14: memberships are no longer edited by hand.
    await page.get_by_role("link", name="People", exact=True).click()
    await page.get_by_role("link", name="ada lovelace").click()
    await page.get_by_text("can't be edited by hand").wait_for()
    assert await page.get_by_role("checkbox").count() == 0
    await run_out_of_seats(page)
    assert page.complaints == []  # type: ignore[attr-defined]


async def run_out_of_seats(page: Page) -> None:
    """Steps 16 and 17: the message when seats are gone, and more seats on the billing page."""
    await page.get_by_role("link", name="People", exact=True).click()
    await page.get_by_text("Your organization is over capacity").wait_for()
    await page.get_by_role("link", name="billing page").click()
    await page.get_by_label("Seats in all").fill(str(len(CAST) + 4))
    await page.get_by_role("button", name="Change seats").click()
    await page.get_by_text("The number of seats was changed").wait_for()
    assert await page.get_by_text("over capacity").count() == 0
    await page.get_by_role("link", name="People", exact=True).click()
    await page.get_by_role("button", name="Accept the invitation of ada.lovelace@acme.com").click()
    await page.get_by_text("The invitation was accepted").wait_for()


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_every_page_is_accessible(
    chromium: Browser, url: str, org: CreatedOrganization, http: Client, scheme: str
) -> None:
    await http.admin("PATCH", "/organization", {"scimEnabled": True})
    person = (await http.scim("POST", "/Users", okta_user("ada.lovelace@acme.com", "Engineering"))).json()
    await http.admin("POST", "/groups", {"displayName": "Pioneers"})
    await http.admin("POST", "/billing/seats", {"purchased": 1})
    context = await chromium.new_context(color_scheme=scheme)  # type: ignore[arg-type]
    page = await opened(context, url)
    problems = {"sign-in": (await Axe().run(page)).response["violations"]}
    await sign_in(page, org)
    for path in (*SECTIONS, f"people/{person['id']}"):
        await page.goto(f"{url}{org.console_path}/{path}")
        problems[path] = (await Axe().run(page)).response["violations"]
    await page.get_by_role("button", name="Deactivate").click()
    await page.get_by_role("heading", name="What will happen").wait_for()
    problems["asks first"] = (await Axe().run(page)).response["violations"]
    told = {path: [each["id"] for each in found] for path, found in problems.items() if found}
    assert told == {}


async def test_pages_work_without_javascript_on_a_narrow_screen(
    chromium: Browser, url: str, org: CreatedOrganization
) -> None:
    context = await chromium.new_context(java_script_enabled=False, viewport={"width": 360, "height": 740})
    page = await opened(context, f"{url}/console/sign-in")
    await page.get_by_label("Organization").fill(org.id)
    await page.get_by_label("Admin token").fill(org.admin_token)
    await page.get_by_role("button", name="Sign in").click()
    await page.get_by_role("button", name="Turn on SCIM provisioning").click()
    await page.get_by_role("button", name="Turn off SCIM provisioning").click()
    await page.get_by_role("heading", name="Turn off SCIM provisioning?").wait_for()
    await page.get_by_role("link", name="Cancel").click()
    await page.get_by_role("button", name="Turn off SCIM provisioning").click()
    await page.get_by_role("button", name="Turn off SCIM provisioning").click()
    await page.get_by_text("SCIM provisioning was changed").wait_for()
    await page.get_by_role("button", name="Turn on SCIM provisioning").click()
    assert await page.get_by_role("button", name="Copy base URL").count() == 0
    await page.get_by_role("button", name="Generate bearer token").click()
    assert (await page.get_by_label("Your new token").input_value()).startswith("scim_")
    for name in ("Map to groups", "People", "Groups", "Billing", "Journal"):
        await page.get_by_role("link", name=name, exact=True).click()
        await page.get_by_role("heading", name=name, exact=True).wait_for()
        box = await page.locator("main").bounding_box()
        assert box is not None and box["x"] >= 0 and box["width"] <= 360
