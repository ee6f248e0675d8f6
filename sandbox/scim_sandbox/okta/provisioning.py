"""What a change of an assignment means for the app: a task for the provisioning agent, or nothing.

Called by assignments; the tasks are done by agent. Source: the life of an app user in developer.okta.com,
Application Users: STAGED until the app has taken the person, then PROVISIONED; no provisioning: ACTIVE.
"""

from __future__ import annotations

from scim_sandbox.okta.records import AppRecord, AppUserRecord, TaskRecord, UserRecord
from scim_sandbox.okta.store import Org

WORKING = ("ACTIVE", "RECOVERY", "PASSWORD_EXPIRED", "LOCKED_OUT", "SUSPENDED")


def assigned(org: Org, app: AppRecord, user: UserRecord, record: AppUserRecord) -> None:
    """A new assignment: pushed where Create Users is on and the person is active."""
    if "PUSH_NEW_USERS" not in app.features:
        return
    record.status, record.sync_state = "STAGED", "OUT_OF_SYNC"
    if user.status in WORKING:
        record.sync_state = "SYNCING"
        enqueue(org, app, user.id, "create")


def person_became_active(org: Org, app: AppRecord, user: UserRecord, record: AppUserRecord) -> None:
    """Somebody assigned while staged is active now."""
    if user.status in WORKING and record.status == "STAGED" and record.sync_state == "OUT_OF_SYNC":
        assigned(org, app, user, record)


def profile_changed(org: Org, app: AppRecord, record: AppUserRecord) -> None:
    """The app profile changed: pushed where Update User Attributes is on."""
    if app.pushes and record.external_id:
        record.sync_state = "SYNCING"
        enqueue(org, app, record.id, "update")
    elif app.pushes and _is_running(org, app, record, "create"):
        enqueue(org, app, record.id, "create")  # what is under way has the old profile


def unassigned(org: Org, app: AppRecord, record: AppUserRecord) -> None:
    """The assignment is gone: deactivated downstream where Deactivate Users is on."""
    for kind in ("create", "update"):
        org.tasks.pop(task_key(app, record.id, kind), None)
    if "PUSH_USER_DEACTIVATION" in app.features and record.external_id:
        enqueue(org, app, record.id, "deactivate", external_id=record.external_id)


def arrived(org: Org, app: AppRecord, record: AppUserRecord) -> None:
    """The app has taken the person; whoever lost the assignment meanwhile is deactivated at once."""
    if app.users.get(record.id) is not record:
        unassigned(org, app, record)


def _is_running(org: Org, app: AppRecord, record: AppUserRecord, kind: str) -> bool:
    task = org.tasks.get(task_key(app, record.id, kind))
    return task is not None and task.state == "RUNNING"


def task_key(app: AppRecord, user_id: str, kind: str) -> str:
    """The id of the one task of this kind that a person can have in an app."""
    return f"{app.id}/{user_id}/{kind}"


def enqueue(org: Org, app: AppRecord, user_id: str, kind: str, external_id: str = "") -> None:
    """Adds a task unless the same one is queued; takes the place of one that runs or has failed."""
    key = task_key(app, user_id, kind)
    present = org.tasks.pop(key, None)
    if present is not None and present.state == "QUEUED":
        org.tasks[key] = present
        return
    org.tasks[key] = TaskRecord(
        key, app.id, user_id, kind, due=org.clock.monotonic(), external_id=external_id
    )
    org.changed()
