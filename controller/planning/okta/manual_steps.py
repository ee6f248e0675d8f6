"""What Okta's public API does not do for an app: connection, To-App switches, what has to be pressed again.

Called by make_plan where Okta provisions. Each is tried by API where the connection tells its status, else
told to a person click by click; the step goes away by itself once it shows that it was done: in what is
read of the app (Read), in the System Log or in the provider's own record of the token's last use (Log).
"""

from __future__ import annotations

from controller.model.actions import Action, ActionKind, Touch
from controller.model.actual import Actual, AppState, Memory, ProviderState
from controller.model.plan import ManualStep
from controller.model.words import many, many_people
from controller.planning.base.desired import Desired
from controller.planning.base.setting_drift import Found, Setting, weigh
from controller.planning.okta.app_settings import TEMPLATES, may_replace_app, wants_other_username
from controller.planning.okta.prerequisites import with_digest
from controller.urls import normal_url

SWITCHES = {
    "Create": ("create", "PUSH_NEW_USERS", "Create Users"),
    "Update": ("update", "PUSH_PROFILE_UPDATES", "Update User Attributes"),
    "Deactivate": ("deactivate", "PUSH_USER_DEACTIVATION", "Deactivate Users"),
}
"""Action of the spec -> (name in SET_TO_APP, feature of the app that shows it, label in the console)."""
PROVISIONING = "SCIM_PROVISIONING"
"""The feature of an app whose API integration is on."""
CONNECTION_STEP, TO_APP_STEP = "okta-connection", "okta-to-app"
BEFORE_PUSHING = frozenset({CONNECTION_STEP, TO_APP_STEP})
"""Steps that let Okta push: whoever has no seat has to be out of the app before they are taken."""
_FORMATS = {"Email": "Email", "EmailLowercase": "Email (lowercase)", "OktaUsername": "Okta username"}


def plan_connection(desired: Desired, actual: Actual, memory: Memory, found: Found) -> None:
    """Adds connection and switches, as actions or as steps; and the username format where only a person may
    change it."""
    app = actual.app
    by_api = app.connection_status in ("ENABLED", "DISABLED")
    if wants_other_username(desired, app) and not may_replace_app(desired, app):
        found.steps.append(with_digest(_username_step(desired, app)))
    if desired.by != "Okta":
        return
    if by_api:
        _connect(desired, app, memory, found)
        _switch(desired, app, memory, found)
    elif not is_connected(actual):
        found.steps.append(with_digest(_connection_step(desired, app)))
    if not by_api and _wrong_switches(desired, app):
        found.steps.append(with_digest(_switch_step(desired, actual)))
    if is_connected(actual):
        _check_connection(desired, actual, memory, found)


def is_connected(actual: Actual) -> bool:
    """Whether the app's API integration is on: Okta tells so, or the provider has seen its token in use."""
    app = actual.app
    is_told = app.connection_status == "ENABLED" or PROVISIONING in app.features
    return is_told or app.is_pushing or _is_used(actual.provider)


def _check_connection(desired: Desired, actual: Actual, memory: Memory, found: Found) -> None:
    """A connection that is on may still lead nowhere: the log tells failures, the provider tells whose token
    is used."""
    if memory.trouble:
        found.steps.append(with_digest(_trouble_step(desired, actual.app, memory.trouble)))
    elif desired.rotation is None and _is_another_used(actual.provider):
        # A rotation has a step of its own for the same.
        found.steps.append(with_digest(_token_step(desired, actual.app)))


def _is_another_used(provider: ProviderState) -> bool:
    """Whether the provider tells its tokens, and the one that was meant for Okta is not in use."""
    can_tell = any(token.fingerprint for token in provider.tokens or ())
    return can_tell and bool(provider.held.okta) and not _is_used(provider)


def _is_used(provider: ProviderState) -> bool:
    """Whether the token that was meant for Okta has been used at the provider."""
    wanted = provider.held.okta
    used = (token for token in provider.tokens or () if token.last_used is not None)
    return any(token.fingerprint == wanted for token in used) if wanted else False


def _connect(desired: Desired, app: AppState, memory: Memory, found: Found) -> None:
    is_right = app.connection_status == "ENABLED" and (
        not app.connection_url or normal_url(app.connection_url) == desired.tenant
    )
    action = None
    if not is_right:
        action = Action(
            ActionKind.ENABLE_CONNECTION,
            app.app_id,
            app.label,
            Touch.SETTING,
            (("baseUrl", app.connection_url or None), ("status", app.connection_status)),
            (("baseUrl", desired.base_url), ("status", "ENABLED")),
            "the provisioning connection is off or leads elsewhere",
        )
    setting = Setting(
        "connection",
        (desired.base_url,),
        action,
        "provisioning connection",
        desired.base_url,
        app.connection_url,
    )
    weigh(desired, memory, found, setting)


def _wrong_switches(desired: Desired, app: AppState) -> list[tuple[str, bool]]:
    """(action of the spec, whether it has to be on) of each switch that is not as declared."""
    return [
        (name, name in desired.actions)
        for name, (_, feature, _) in SWITCHES.items()
        if (name in desired.actions) != (feature in app.features)
    ]


def _switch(desired: Desired, app: AppState, memory: Memory, found: Found) -> None:
    wrong = _wrong_switches(desired, app)
    words = {True: "ENABLED", False: "DISABLED"}
    action = None
    if wrong:
        needs = tuple(a.key for a in found.actions if a.kind is ActionKind.ENABLE_CONNECTION)
        action = Action(
            ActionKind.SET_TO_APP,
            app.app_id,
            app.label,
            Touch.SETTING,
            tuple((SWITCHES[name][0], words[not on]) for name, on in wrong),
            tuple((SWITCHES[name][0], words[on]) for name, on in wrong),
            "the To App switches are declared otherwise",
            needs=needs,
        )
    switches = tuple(sorted(desired.actions))
    expected, actual = (
        ", ".join(switches),
        ", ".join(n for n, (_, f, _) in SWITCHES.items() if f in app.features),
    )
    weigh(desired, memory, found, Setting("to-app", switches, action, "To App switches", expected, actual))


def _username_step(desired: Desired, app: AppState) -> ManualStep:
    label = _FORMATS[desired.username_format]
    return ManualStep(
        "username-format",
        f"Set the application username format to {label}",
        f"Okta: Applications > {app.label} > Sign On",
        f"Select Edit under Settings, set Application username format to {label}, select Save. The operator "
        "does not write it while Okta pushes, since replacing an app has wiped SCIM settings; "
        "spec.okta.allowAppReplace lets it. "
        f"The format is {app.username_template}; it should be {TEMPLATES[desired.username_format]}.",
        "Read",
        blocks=False,
    )


def _entries(desired: Desired) -> str:
    """What is typed and pressed; the token by the name of its Secret and key, never itself."""
    name, _, key = desired.okta_token_name.partition("/")
    named = f"the value of the key {key} in the Secret {desired.namespace}/{name}"
    nameless = "one that the provider issued for Okta; name its Secret in spec.provider.oktaTokenRef"
    return (
        f"Base URL: {desired.base_url}. API token: {named if name else nameless}. "
        "Select Test API Credentials, wait for the success message, then select Save."
    )


def _integration_tab(app: AppState) -> str:
    return f"Okta: Applications > {app.label} > Provisioning > Integration"


def _connection_step(desired: Desired, app: AppState) -> ManualStep:
    return ManualStep(
        CONNECTION_STEP,
        "Enter the base URL and the token in Okta",
        _integration_tab(app),
        "Select Configure API Integration, then Enable API integration. " + _entries(desired),
        "Read",
        blocks=True,
    )


def _trouble_step(desired: Desired, app: AppState, trouble: str) -> ManualStep:
    return ManualStep(
        "okta-connection-trouble",
        "Correct the connection in Okta, which does not reach the provider",
        _integration_tab(app),
        f"Okta's System Log says: {trouble}. Select Edit. {_entries(desired)}",
        "Log",
        blocks=False,
    )


def _token_step(desired: Desired, app: AppState) -> ManualStep:
    return ManualStep(
        "okta-token",
        "Enter the token that was issued for Okta",
        _integration_tab(app),
        "The provider has not seen that token used, so Okta holds another one, or the Secret does not hold "
        f"what the provider issued. Select Edit. {_entries(desired)}",
        "Log",
        blocks=False,
    )


def _switch_step(desired: Desired, actual: Actual) -> ManualStep:
    app, wrong = actual.app, _wrong_switches(desired, actual.app)
    clicks = [f"{'select' if on else 'clear'} Enable for {SWITCHES[name][2]}" for name, on in wrong]
    first = ""
    if not app.is_pushing and is_switching_over(desired, actual):
        first = (
            "First approve the plan that switches over to the seat group: Okta would push everybody who is "
            "assigned now, with a seat or without. Then "
        )
    return ManualStep(
        TO_APP_STEP,
        "Set the To App switches in Okta",
        f"Okta: Applications > {app.label} > Provisioning > To App",
        f"{first}{'select' if first else 'Select'} Edit, {', '.join(clicks)}, then select Save.",
        "Read",
        blocks=any(on for _, on in wrong),
    )


def is_switching_over(desired: Desired, actual: Actual) -> bool:
    """Whether groups that the seat group is to replace are still assigned to the app."""
    if desired.assignments.through != "SeatGroup":
        return False
    declared = {ref.group_id for ref in desired.assignments.groups if ref.group_id}
    names = {ref.name for ref in desired.assignments.groups if ref.name}
    groups = actual.assignments.groups
    return any(
        one in declared or (one in groups and groups[one].name in names)
        for one in actual.assignments.app_groups
    )


def provision_step(desired: Desired, app: AppState, unpushed: int) -> ManualStep:
    """People who were assigned before Okta pushed: it takes them up on request only."""
    who = many(unpushed, "person was", "people were")
    return ManualStep(
        "okta-provision-users",
        f"Provision {many_people(unpushed)} assigned before provisioning was on",
        f"Okta: Applications > {app.label} > Assignments",
        f"{who} assigned while Okta did not push; it takes them up on request only. "
        "Select Provision User, then OK.",
        "Read",
        blocks=False,
    )


def retry_step(desired: Desired, app: AppState, failed: int) -> ManualStep:
    """People whom Okta could not push and does not try again by itself."""
    return ManualStep(
        "okta-retry-tasks",
        f"Retry the failed provisioning tasks of {many_people(failed)}",
        f"Okta: Dashboard > Tasks, application {app.label}",
        f"Okta gave up on {many_people(failed)}. Correct what it reports for them, open Tasks, choose the "
        f"tasks of {app.label} and select Retry Selected.",
        "Read",
        blocks=False,
    )


def reapply_step(desired: Desired, app: AppState, differing: int) -> ManualStep:
    """People whose account does not hold what the mappings yield: Okta applies a mapping to them on
    request only."""
    return ManualStep(
        "okta-reapply-mappings",
        f"Apply the attribute mappings to {many_people(differing)}",
        f"Okta: Applications > {app.label} > Provisioning > To App",
        f"{many(differing, 'account differs', 'accounts differ')} from what Okta has. Scroll to Attribute "
        "Mappings and select Force Sync; "
        "if they still differ, open Go to Profile Editor, Mappings, the tab Okta User to app, select Save "
        "Mappings, then Apply updates now.",
        "Read",
        blocks=False,
    )
