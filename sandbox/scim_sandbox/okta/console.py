"""What a person does in Okta's Admin Console and no public API can: `POST /_control/console {app, step,
...}`.

Called by control. `app` is a label or an id. Each step answers {step, done: what happened}; a step that Okta
would refuse on the screen is refused here with the same words.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from scim_sandbox.okta import apps, assignments, directory, mappings, provisioning, schemas
from scim_sandbox.okta.agent import Agent
from scim_sandbox.okta.problems import SUMMARY, OktaProblem, invalid
from scim_sandbox.okta.records import JSON, AppRecord, Connection, UserTypeRecord
from scim_sandbox.okta.store import Org

STYLES = ("OIN", "AIW", "PATCH")


async def perform(org: Org, body: JSON) -> JSON:
    """Does one step; OktaProblem where the screen would show an error."""
    step = str(body.get("step", ""))
    if step in ORG_STEPS:
        return {"step": step, "done": ORG_STEPS[step](org, body)}
    if step not in APP_STEPS:
        raise invalid("step", f"{step!r} is none of {', '.join([*APP_STEPS, *ORG_STEPS])}")
    app = find_app(org, str(body.get("app", "")))
    done = APP_STEPS[step](org, app, body)
    return {"step": step, "done": await done if isinstance(done, Awaitable) else done}


def find_app(org: Org, wanted: str) -> AppRecord:
    """The app of that label or id; OktaProblem unless there is exactly one."""
    found = [app for app in org.apps.values() if wanted in (app.id, app.body["label"])]
    if len(found) != 1:
        raise invalid("app", f"{len(found)} apps have the label or id {wanted!r}")
    return found[0]


async def _enable(org: Org, app: AppRecord, body: JSON) -> str:
    """Provisioning > Integration > Configure API Integration > Save: tests the credentials first."""
    style = str(body.get("style", "OIN"))
    if style not in STYLES:
        raise invalid("style", f"must be one of {', '.join(STYLES)}")
    base_url, token = str(body.get("baseUrl", "")), str(body.get("token", ""))
    await _tested(org, app, base_url, token)
    app.connection = Connection("ENABLED", "TOKEN", base_url, token, by_hand=True, style=style)
    apps.add_features(app, "SCIM_PROVISIONING")
    org.log.record("application.configuration.update", apps.app_target(app))
    return "API integration is enabled"


async def _test(org: Org, app: AppRecord, body: JSON) -> str:
    """ "Test API Credentials"."""
    base_url = str(body.get("baseUrl") or app.connection.base_url)
    await _tested(org, app, base_url, str(body.get("token") or app.connection.token))
    return f"{app.body['label']} was verified successfully!"


async def _tested(org: Org, app: AppRecord, base_url: str, token: str) -> None:
    if not base_url or not token:
        raise invalid("baseUrl", "baseUrl and token cannot be left blank")
    reason = await Agent(org, org.send).test_credentials(base_url, token) if org.send else ""
    if reason:
        org.log.record(
            "application.configuration.update", apps.app_target(app), result="FAILURE", reason=reason[:255]
        )
        raise OktaProblem("E0000059", SUMMARY["E0000059"], reason)


def _disable(org: Org, app: AppRecord, body: JSON) -> str:
    app.connection, app.features = Connection(), []
    org.tasks = {key: task for key, task in org.tasks.items() if task.app_id != app.id}
    org.log.record("application.configuration.update", apps.app_target(app))
    return "API integration is off"


def _to_app(org: Org, app: AppRecord, body: JSON) -> JSON:
    """Provisioning > To App > Edit > Save; a switch that is not named is turned on."""
    if app.connection.status != "ENABLED":
        raise invalid("app", "Provisioning is not enabled for the app instance.")
    switches = {name: bool(body.get(name, True)) for name in ("create", "update", "deactivate")}
    apps.set_to_app(org, app, **switches)
    pushed = _provision_users(org, app, body) if org.quirks.push_existing and switches["create"] else 0
    return {**switches, "pushed": pushed}


def _provision_users(org: Org, app: AppRecord, body: JSON) -> int:
    """ "Provision User" for those who were assigned before Create Users was on."""
    waiting = [
        record for record in app.users.values() if not record.external_id and record.sync_state == "DISABLED"
    ]
    for record in waiting:
        provisioning.assigned(org, app, org.users[record.id], record)
    return len(waiting)


def _retry(org: Org, app: AppRecord, body: JSON) -> int:
    """Dashboard > Tasks > Retry Selected."""
    failed = [task for task in org.tasks.values() if task.app_id == app.id and task.state == "FAILED"]
    for task in failed:
        task.state, task.attempts, task.due, task.reason = "QUEUED", 0, org.clock.monotonic(), ""
        if task.user_id in app.users:
            app.users[task.user_id].sync_state = "SYNCING"
    org.changed()
    return len(failed)


def _force_sync(org: Org, app: AppRecord, body: JSON) -> int:
    """ "Force Sync": recomputes app profiles and pushes those that changed."""
    return assignments.apply_mappings(org, app)


def _convert(org: Org, app: AppRecord, body: JSON) -> int:
    """ "Convert Assignments": individually assigned people whom a group assigns become GROUP."""
    count = 0
    for user_id, record in app.users.items():
        if record.scope == "USER" and org.groups_of[user_id] & app.groups.keys():
            record.scope, count = "GROUP", count + 1
    return count


def _username_format(org: Org, app: AppRecord, body: JSON) -> str:
    """Sign On > Application username format."""
    template = {
        "template": str(body.get("template", "${source.login}")),
        "type": str(body.get("type", "BUILT_IN")),
    }
    credentials = app.body.setdefault("credentials", {})
    old, credentials["userNameTemplate"] = credentials.get("userNameTemplate") or {}, template
    assignments.template_changed(org, app, old)
    return template["template"]


def _add_app(org: Org, body: JSON) -> str:
    label = str(body.get("label", ""))
    return apps.create_app(org, str(body.get("name") or "calendly"), apps.saml_body(label)).id


def _set_status(org: Org, body: JSON) -> str:
    """States that come by themselves: LOCKED_OUT, PASSWORD_EXPIRED, RECOVERY, PROVISIONED, STAGED."""
    states = ("LOCKED_OUT", "PASSWORD_EXPIRED", "RECOVERY", "PROVISIONED", "STAGED", "ACTIVE")
    if body.get("status") not in states:
        raise invalid("status", f"must be one of {', '.join(states)}")
    return directory.force_status(org, org.find_user(str(body.get("user", ""))), body["status"]).status


def _add_user_type(org: Org, body: JSON) -> str:
    """Directory > Profile Editor > Create Okta User Type; every app gets a mapping for it."""
    name = str(body.get("name", ""))
    if not name or any(kind.name == name for kind in org.types.values()):
        raise invalid("name", "must be new and not blank")
    custom = {str(key): schemas.attribute(str(key), str(key)) for key in body.get("attributes") or []}
    kind = UserTypeRecord(
        org.new_id("type"), org.new_id("schema"), name, str(body.get("displayName") or name), False,
        org.now_text(), custom,
    )  # fmt: skip
    org.types[kind.id] = kind
    for app in org.apps.values():
        mappings.create_mappings(org, app, kind, apps.DEFAULT_MAPPING)
    return kind.id


def _add_user_attribute(org: Org, body: JSON) -> str:
    """Directory > Profile Editor > User (default) > Add Attribute."""
    name = str(body.get("name", ""))
    if not name:
        raise invalid("name", "The field cannot be left blank")
    org.default_type().custom[name] = schemas.attribute(str(body.get("title") or name), name)
    return name


def _set_user_type(org: Org, body: JSON) -> str:
    user = org.find_user(str(body.get("user", "")))
    kinds = [kind for kind in org.types.values() if body.get("type") in (kind.id, kind.name)]
    if not kinds:
        raise invalid("type", "no such user type")
    user.type_id = kinds[0].id
    assignments.profile_changed(org, user)
    return user.type_id


def _add_rule(org: Org, body: JSON) -> str:
    groups = [str(each) for each in body.get("groups") or []]
    rule = directory.add_rule(org, str(body.get("name", "rule")), str(body.get("expression", "")), groups)
    return rule.id


def _add_duplicate_group(org: Org, body: JSON) -> str:
    """A group of the same name that came from an app or a directory."""
    return directory.create_group(org, {"name": str(body.get("name", ""))}, "APP_GROUP").id


APP_STEPS: dict[str, Callable[[Org, AppRecord, JSON], Any]] = {
    "enable-provisioning": _enable,
    "test-credentials": _test,
    "disable-provisioning": _disable,
    "to-app": _to_app,
    "provision-users": _provision_users,
    "retry-tasks": _retry,
    "force-sync": _force_sync,
    "apply-mappings": _force_sync,
    "update-usernames": lambda org, app, body: assignments.update_user_names(org, app),
    "convert-assignments": _convert,
    "username-format": _username_format,
}
ORG_STEPS: dict[str, Callable[[Org, JSON], Any]] = {
    "add-app": _add_app,
    "set-user-status": _set_status,
    "add-user-type": _add_user_type,
    "add-user-attribute": _add_user_attribute,
    "set-user-type": _set_user_type,
    "add-group-rule": _add_rule,
    "add-app-group": _add_duplicate_group,
}
