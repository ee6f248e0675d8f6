"""Okta's own Python SDK reads the simulated org: what its typed models refuse, Okta would not have sent."""

import importlib.util
from collections.abc import AsyncIterator
from typing import Any

import pytest
from joserfc.jwk import RSAKey

from scim_sandbox.okta.app import build_app
from scim_sandbox.okta.seed import seed
from scim_sandbox.okta.store import Org
from scim_sandbox.people import generated
from scim_sandbox.serving import serve
from tests.conftest import missing


@pytest.fixture
async def org(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Org]:
    if importlib.util.find_spec("okta") is None:
        missing("the Okta SDK")
    monkeypatch.setenv("OKTA_TESTING_TESTINGDISABLEHTTPSCHECK", "true")
    made = Org(api_token="token")
    seed(made, generated(60), assigned=40)
    served = await serve(build_app(made))
    made.url = served.url
    yield made
    await served.stop()


@pytest.fixture
def sdk(org: Org) -> Any:
    from okta.client import Client

    return Client({"orgUrl": org.url, "token": "token"})


async def read(call: Any) -> Any:
    """The data of an SDK call; its (data, response, error) triple turned into an assertion."""
    data, _, error = await call
    assert error is None, error
    return data


async def test_apps(sdk: Any, org: Org) -> None:
    app = org.app_by_label("Calendly")
    (listed,) = await read(sdk.list_applications(q="Calendly"))
    single = await read(sdk.get_application(app.id))
    assert type(single).__name__ == "SamlApplication" and listed.id == single.id == app.id
    assert single.credentials.user_name_template.template == "${source.email}"
    assert single.features == [] and single.sign_on_mode == "SAML_2_0"


async def test_people_of_an_app_and_its_groups(sdk: Any, org: Org) -> None:
    app = org.app_by_label("Calendly")
    people = await read(sdk.list_application_users(app.id, expand="user", limit=500))
    assert {each.id for each in people} == set(app.users)
    assert people[0].scope == "GROUP" and people[0].credentials.user_name == app.users[people[0].id].user_name
    one = await read(sdk.get_application_user(app.id, people[0].id))
    assert one.profile["givenName"] == org.users[one.id].profile["firstName"]
    (group,) = await read(sdk.list_application_group_assignments(app.id, expand="group"))
    assert group.id == org.group_by_name("Calendly users").id and group.priority == 0


async def test_users_and_groups(sdk: Any, org: Org) -> None:
    users = await read(sdk.list_users(limit=200))
    assert {user.id for user in users} == set(org.users)
    user = await read(sdk.get_user(users[0].profile.login))
    assert (user.status, user.profile.department) == ("ACTIVE", org.users[user.id].profile["department"])
    groups = await read(sdk.list_groups(q="Sales"))
    assert [group.id for group in groups] == [org.group_by_name("Sales").id]
    members = await read(sdk.list_group_users(groups[0].id))
    assert {member.id for member in members} == set(org.members[groups[0].id])


async def test_schemas_and_mappings(sdk: Any, org: Org) -> None:
    app = org.app_by_label("Calendly")
    schema = await read(sdk.get_application_user_schema(app.id))
    assert set(schema.definitions.custom.properties) == {"title", "nickName", "primaryPhone"}
    user_schema = await read(sdk.get_user_schema("default"))
    assert user_schema.definitions.base.properties.department.title == "Department"
    (kind,) = await read(sdk.list_user_types())
    (mapping,) = await read(sdk.list_profile_mappings(target_id=app.id))
    assert (mapping.source.id, mapping.target.id) == (kind.id, app.id)
    assert (await read(sdk.get_profile_mapping(mapping.id))).id == mapping.id


async def test_connection_features_and_log(sdk: Any, org: Org) -> None:
    app = org.app_by_label("Calendly")
    connection = await read(sdk.get_default_provisioning_connection_for_application(app.id))
    assert connection.status == "UNKNOWN"
    _, _, error = await sdk.list_features_for_application(app.id)
    assert "Provisioning is not enabled" in str(error)
    events = await read(sdk.list_log_events())
    assert [event.event_type for event in events] == ["system.api_token.create"]


async def test_a_write_of_the_sdk_is_taken(sdk: Any, org: Org) -> None:
    outsider = next(each for each in org.users if each not in org.app_by_label("Calendly").users)
    group = org.group_by_name("Calendly users")
    _, _, error = await sdk.assign_user_to_group(group.id, outsider)
    assert error is None and outsider in org.app_by_label("Calendly").users


async def test_a_service_app_of_the_sdk_gets_its_token(org: Org) -> None:
    from okta.client import Client

    key = RSAKey.generate_key(2048)
    service = org.add_service_app("sdk", [key.as_dict(private=False)], ["okta.users.read"])
    settings = {
        "orgUrl": org.url,
        "authorizationMode": "PrivateKey",
        "clientId": service.id,
        "scopes": ["okta.users.read"],
        "privateKey": key.as_pem(private=True).decode(),
    }
    client = Client(settings)
    assert len(await read(client.list_users(limit=200))) == 60
    _, _, error = await client.list_groups()
    assert "E0000006" in str(error)
