"""A seeded org has the people of the quickstart."""

from scim_sandbox.okta.seed import seed
from scim_sandbox.okta.store import Org
from scim_sandbox.people import SandboxPerson, generated


def test_forty_of_sixty_are_assigned_through_the_group() -> None:
    org = Org("http://acme.okta.test", api_token="x")
    app = seed(org, generated(60), assigned=40)
    assert (len(org.users), len(app.users)) == (60, 40)
    assert {each.scope for each in app.users.values()} == {"GROUP"}
    names = {group.profile["name"] for group in org.groups.values()}
    assert {"Calendly users", "Executives", "Sales", "Engineering", "Everyone"} <= names
    assert [event["eventType"] for event in org.log.events] == ["system.api_token.create"]
    assert app.body["signOnMode"] == "SAML_2_0" and app.features == []


def test_people_from_a_file_are_assigned_by_their_own_groups() -> None:
    org = Org("http://acme.okta.test")
    people = (
        SandboxPerson("ada@acme.com", "Ada", "L", "Ada L", "Engineering", ("Calendly users",)),
        SandboxPerson("bo@acme.com", "Bo", "N", "Bo N", "", ()),
    )
    app = seed(org, people)
    assert [org.users[user_id].profile["login"] for user_id in app.users] == ["ada@acme.com"]


def test_two_orgs_of_one_name_have_the_same_ids() -> None:
    one, two = (seed(Org("http://a.test"), generated(5)) for _ in range(2))
    assert one.id == two.id
