"""Names that fold to one another in some rule, and are two people: nobody gets another's account by them."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import httpx
import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

import controller
from controller.clock import ManualClock
from controller.model.actions import ActionKind
from controller.model.actual import Memory
from controller.model.plan import Plan
from controller.names import fold
from controller.okta.client import OktaClient
from controller.planning.make_plan import make_plan
from controller.planning.people.matching import Register, Tie
from controller.provider.app import build_app
from controller.provider.casefold import fold as provider_fold
from controller.scim.client import ScimClient
from controller.transport.retry import NO_RETRY
from controller.transport.session import Remote, Session, Wiring
from tests.conftest import missing
from tests.contract.provider.postgres import binaries, cluster, drop_database, new_database
from tests.contract.provider.world import World, user
from tests.unit.planning.world import account_of, actual, make_desired, memory, person

CREATE, UPDATE = ActionKind.CREATE_ACCOUNT, ActionKind.UPDATE_ACCOUNT
TWINS = (
    ("straße@acme.com", "strasse@acme.com"),
    ("STRAẞE@acme.com", "strasse@acme.com"),
    ("ﬁona@acme.com", "fiona@acme.com"),
    ("ſam@acme.com", "sam@acme.com"),
    ("ırmak@acme.com", "irmak@acme.com"),
    ("İrmak@acme.com", "irmak@acme.com"),
    ("ﬆella@acme.com", "stella@acme.com"),
    ("ａda@acme.com", "ada@acme.com"),
    ("ada\u200b@acme.com", "ada@acme.com"),
    ("ada\ufe0f@acme.com", "ada@acme.com"),
    ("ⅷ@acme.com", "viii@acme.com"),
    ("οδοσ@acme.com", "οδος@acme.com"),
)
ONE_NAME = (
    ("jos\u00e9@acme.com", "jose\u0301@acme.com"),
    ("Ada@acme.com", "ADA@acme.com"),
    ("STRAẞE@acme.com", "straße@acme.com"),
    ("\u212bsa@acme.com", "a\u030asa@acme.com"),
)


def created(plan: Plan) -> list[str]:
    return [one.subject for one in plan.actions if one.kind is CREATE]


@pytest.mark.parametrize(("one", "other"), [*TWINS, *((b, a) for a, b in TWINS)])
def test_an_account_that_looks_like_a_persons_is_told_and_never_adopted(one: str, other: str) -> None:
    ada = person(1, user_name=one, login=one)
    there = account_of(person(2), external_id="", user_name=other)
    plan = make_plan(make_desired(), actual([ada], [there]), memory())
    (action,) = plan.actions
    (problem,) = plan.problems
    assert (action.kind, dict(action.after)["userName"]) == (CREATE, one)
    assert (problem.reason, problem.okta_id) == ("LooksAlike", "00u1")
    assert "U+" in problem.message and "looks the same" in action.why


@pytest.mark.parametrize(("one", "other"), TWINS)
def test_two_people_who_may_both_exist_both_get_an_account(one: str, other: str) -> None:
    people = [person(1, user_name=one, login=one), person(2, user_name=other, login=other)]
    assert sorted(created(make_plan(make_desired(), actual(people), memory()))) == ["00u1", "00u2"]
    held = account_of(people[1])
    second = make_plan(make_desired(), actual(people, [held]), memory([held]))
    assert (created(second), second.problems) == (["00u1"], ())


@pytest.mark.parametrize(("one", "other"), ONE_NAME)
def test_one_name_in_two_spellings_is_one_account(one: str, other: str) -> None:
    there = account_of(person(2), external_id="", user_name=other)
    plan = make_plan(make_desired(), actual([person(1, user_name=one)], [there]), memory())
    assert [(action.kind, action.remote_id) for action in plan.actions] == [(UPDATE, there.scim_id)]


def test_messages_tell_of_a_normalization_that_nobody_sees() -> None:
    one, other = ONE_NAME[0]
    both = [person(1, user_name=one), person(2, user_name=other)]
    refused = make_plan(make_desired(), actual(both), memory())
    assert all("only in Unicode normalization" in problem.message for problem in refused.problems)
    assert [problem.reason for problem in refused.problems] == ["DuplicateUserName"] * 2
    held = account_of(both[0])
    orphan = make_plan(make_desired(), actual(both, [held]), memory([held]))
    assert "only in Unicode normalization" in orphan.problems[0].message
    free = account_of(both[0], external_id="")
    adopted = make_plan(make_desired(), actual([both[1]], [free]), memory())
    assert "only in Unicode normalization" in adopted.actions[0].why


def test_of_accounts_that_differ_in_spelling_only_the_exact_one_is_adopted() -> None:
    upper = account_of(person(1), external_id="", user_name="ADA@acme.com", scim_id="a")
    title = account_of(person(1), external_id="", user_name="Ada@acme.com", scim_id="b")
    exact = make_plan(make_desired(), actual([person(1, user_name="Ada@acme.com")], [upper, title]), memory())
    assert [action.remote_id for action in exact.actions] == ["b"]
    vague = make_plan(make_desired(), actual([person(1, user_name="ada@acme.com")], [upper, title]), memory())
    assert (vague.actions, [one.reason for one in vague.problems]) == ((), ["AccountAmbiguous"])


@given(st.text(min_size=1), st.text(min_size=1))
def test_nothing_but_the_rule_adopts(name: str, other: str) -> None:
    register = Register([account_of(person(1), external_id="", user_name=other)], Memory().pairs)
    match = register.match(person(2, user_name=name))
    assert (match.tie is Tie.ADOPTABLE) == (fold(name) == fold(other))


# The provider's own rule, on both databases.

TEXT = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=12)
MEETING = st.text("aAsSσΣςİıiIßẞﬁǅʼn.·\u00ad\u200d\u0301\u0307\u0323\u0345J\u030cé ", max_size=8)


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    folder = binaries()
    if folder is None:
        missing("PostgreSQL")
        return
    with cluster(folder) as server:
        url = new_database(server)
        yield url
        drop_database(url)


@given(st.lists(TEXT | MEETING, max_size=200))
def test_the_columns_of_postgresql_fold_as_the_operator_does(postgres: str, texts: list[str]) -> None:
    folding = 'normalize(lower(normalize(text) COLLATE "und-x-icu"))'
    query = f"SELECT {folding} FROM unnest(%s::text[]) WITH ORDINALITY AS given(text, place) ORDER BY place"
    with psycopg.connect(postgres) as connection:
        assert [row[0] for row in connection.execute(query, (texts,))] == [fold(text) for text in texts]


@given(st.lists(TEXT | MEETING, max_size=200))
def test_sqlite_folds_as_the_operator_does(texts: list[str]) -> None:
    with sqlite3.connect(":memory:") as connection:
        connection.create_function("scim_fold", 1, provider_fold, deterministic=True)
        rows = [connection.execute("SELECT scim_fold(?)", (text,)).fetchone()[0] for text in texts]
    assert rows == [fold(text) for text in texts]


@given(TEXT | MEETING)
def test_what_is_folded_stays_as_it_is(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
async def test_the_provider_takes_for_taken_what_the_operator_takes_for_one(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    url = f"sqlite:///{tmp_path}/p.sqlite"
    if kind == "postgresql":
        url = new_database(request.getfixturevalue("postgres").rpartition("/")[0])
    clock = ManualClock()
    world = World(build_app(url, clock), clock)
    try:
        for number, (one, other) in enumerate((*TWINS, *ONE_NAME)):
            tenant = world.organization(f"Tenant {number}", seats=10)
            await tenant.new_user(one)
            answer = await tenant.scim("POST", "/Users", user(other))
            assert (answer.status_code == 409) == (fold(one) == fold(other)), (one, other)
            found = (await tenant.scim("GET", f'/Users?filter=userName eq "{other}"')).json()
            assert [each["userName"] for each in found["Resources"]] == [
                name for name in (one, other) if fold(name) == fold(other)
            ][:1]
    finally:
        await world.http.aclose()
        await world.provider.close()
        if kind == "postgresql":
            drop_database(url)


# The wire.


def answering(body: object) -> Session:
    transport = httpx.MockTransport(lambda request: httpx.Response(200, json=body))
    wiring = Wiring(transport=transport, clock=ManualClock(), retry=NO_RETRY)
    return Session(Remote("https://other.example", "scim", "SCIM"), wiring)


@pytest.mark.parametrize(("one", "other"), TWINS)
async def test_a_provider_that_folds_fully_gives_nobody_anothers_account(one: str, other: str) -> None:
    listed = {"totalResults": 1, "Resources": [{"id": "s-1", "userName": other}]}
    assert await ScimClient(answering(listed)).find("userName", one) == []


@pytest.mark.parametrize(("one", "other"), TWINS)
async def test_an_okta_that_folds_fully_assigns_nobody_in_anothers_place(one: str, other: str) -> None:
    body = {"id": "00u1", "profile": {"login": other}}
    assert await OktaClient(answering(body)).user_of(one) is None
    assert await OktaClient(answering(body)).user_of(other) == body


def test_nothing_else_folds_names() -> None:
    """Who needs to compare names imports controller.names. The sandbox makes logins out of names, and a
    secret is looked for in its full-width letters too."""
    root = Path(controller.__file__).parent
    own = {root / "names.py", root / "sandbox" / "people.py", root / "outside_text.py"}
    folding = re.compile(r"\.casefold\(|unicodedata")
    found = [path for path in root.rglob("*.py") if path not in own and folding.search(path.read_text())]
    assert found == []
