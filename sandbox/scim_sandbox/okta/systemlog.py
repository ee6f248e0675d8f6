"""The System Log: one event for every change, in order of persistence, with cursors and a retention of 90
days.

Written by directory, assignments, schemas, mappings, the agent and the rate limiter through
`SystemLog.record`; read by GET /api/v1/logs and by the deliverer of event hooks.
Source: developer.okta.com/docs/reference/system-log-query and the event types catalogue.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from scim_sandbox.okta.orgclock import OrgClock, okta_time
from scim_sandbox.okta.records import JSON

RETENTION = timedelta(days=90)
KEEP = 200_000
SYSTEM_ACTOR: JSON = {
    "id": "SystemPrincipal",
    "type": "SystemPrincipal",
    "alternateId": "system@okta.com",
    "displayName": "Okta System",
    "detailEntry": None,
}

MESSAGES: dict[str, str] = {
    "application.user_membership.add": "Add user to application membership",
    "application.user_membership.remove": "Remove user's application membership",
    "application.user_membership.update": "Update user's application profile",
    "application.user_membership.change_username": "Change user's application username",
    "application.user_membership.deprovision": "Deprovision user's application membership",
    "application.provision.user.push": "Push new user to external application",
    "application.provision.user.push_profile": "Push user's profile to external application",
    "application.provision.user.deactivate": "Deactivate user in external application",
    "application.provision.user.reactivate": "Reactivate user in external application",
    "application.provision.user.verify_exists": "Verify user exists in external application",
    "application.provision.user.sync": "Sync user in external application",
    "application.configuration.update": "Update application configuration",
    "application.integration.authentication_failure": "Application integration authentication failure",
    "application.integration.rate_limit_exceeded": "Application integration rate limit exceeded",
    "application.integration.general_failure": "Application integration general failure",
    "application.integration.api_query": "Application integration API query",
    "application.lifecycle.create": "Create application",
    "application.lifecycle.update": "Update application",
    "application.lifecycle.activate": "Activate application",
    "application.lifecycle.deactivate": "Deactivate application",
    "application.provision.field_mapping_rule.change": "Change application's field mapping rule",
    "application.appuser.mapping.invalid.expression": "Application user mapping has an invalid expression",
    "app.app_instance.provision_sync_job.started": "Provisioning sync job started",
    "app.app_instance.provision_sync_job.completed": "Provisioning sync job completed",
    "directory.mapping.update": "Update profile mapping",
    "directory.app_user_profile.update": "Update application user profile schema",
    "group.application_assignment.add": "Add assigned application to group",
    "group.application_assignment.remove": "Remove assigned application from group",
    "group.application_assignment.update": "Update group assignment of application",
    "group.user_membership.add": "Add user to group membership",
    "group.user_membership.remove": "Remove user from group membership",
    "group.lifecycle.create": "Create Okta group",
    "group.lifecycle.delete": "Delete Okta group",
    "group.profile.update": "Update Okta group",
    "group.rule.add": "Add group rule",
    "user.lifecycle.create": "Create Okta user",
    "user.lifecycle.activate": "Activate Okta user",
    "user.lifecycle.deactivate": "Deactivate Okta user",
    "user.lifecycle.reactivate": "Reactivate Okta user",
    "user.lifecycle.suspend": "Suspend Okta user",
    "user.lifecycle.unsuspend": "Unsuspend Okta user",
    "user.lifecycle.delete.initiated": "Delete Okta user initiated",
    "user.authentication.sso": "User single sign on to app",
    "user.account.update_profile": "Update user profile for Okta",
    "user.account.lock": "User account is locked",
    "user.account.unlock_by_admin": "User account is unlocked",
    "event_hook.created": "Create event hook",
    "event_hook.verified": "Verify event hook",
    "event_hook.updated": "Update event hook",
    "event_hook.activated": "Activate event hook",
    "event_hook.deactivated": "Deactivate event hook",
    "event_hook.deleted": "Delete event hook",
    "system.api_token.create": "Create API token",
    "system.api_token.revoke": "Revoke API token",
    "system.org.rate_limit.warning": "Rate limit warning",
    "system.org.rate_limit.violation": "Rate limit violation",
    "app.oauth2.token.grant.access_token": "OAuth2 access token is granted",
}


class SystemLog:
    """Events numbered from 1 in order of persistence; the number is the cursor's position."""

    def __init__(self, clock: OrgClock, next_id: Callable[[str], str]) -> None:
        self._clock, self._next_id = clock, next_id
        self.events: list[JSON] = []
        self.first = 1
        self.listeners: list[Callable[[JSON], None]] = []
        self.muted = False
        self.actor: JSON = SYSTEM_ACTOR

    @property
    def last(self) -> int:
        """The number of the newest event; 0 where there never was one."""
        return self.first + len(self.events) - 1

    def record(
        self,
        event_type: str,
        *targets: JSON,
        result: str = "SUCCESS",
        reason: str | None = None,
        **debug: Any,
    ) -> None:
        """Persists one event by the present actor; `targets` come from `target`."""
        if self.muted:
            return
        event = self._event(event_type, list(targets), result, reason, debug)
        self.events.append(event)
        if len(self.events) > KEEP:
            self._trim(len(self.events) - KEEP)
        for listener in self.listeners:
            listener(event)

    def _event(
        self, event_type: str, targets: list[JSON], result: str, reason: str | None, debug: JSON
    ) -> JSON:
        number = self._next_id("request")
        return {
            "actor": self.actor,
            "client": {"zone": None, "device": "Unknown", "id": None, "ipAddress": "127.0.0.1"},
            "authenticationContext": {"authenticationStep": 0, "externalSessionId": "unknown"},
            "displayMessage": MESSAGES.get(event_type, event_type),
            "eventType": event_type,
            "outcome": {"result": result, "reason": reason},
            "published": okta_time(self._clock.now()),
            "securityContext": {"isProxy": None},
            "severity": "INFO" if result == "SUCCESS" else "WARN",
            "debugContext": {"debugData": {"requestId": number, **debug}},
            "transaction": {"type": "WEB", "id": number, "detail": {}},
            "uuid": str(uuid.uuid5(uuid.NAMESPACE_OID, number)),
            "version": "0",
            "request": {"ipChain": []},
            "target": targets,
        }

    def after(self, number: int) -> list[JSON]:
        """Retained events behind `number`, oldest first."""
        self._expire()
        return self.events[max(0, number + 1 - self.first) :]

    def _expire(self) -> None:
        oldest = okta_time(self._clock.now() - RETENTION)
        gone = 0
        while gone < len(self.events) and self.events[gone]["published"] < oldest:
            gone += 1
        self._trim(gone)

    def _trim(self, count: int) -> None:
        del self.events[:count]
        self.first += count


def target(kind: str, item_id: str, name: str, alternate: str = "", **detail: Any) -> JSON:
    """One target of an event. `kind`: User | AppUser | AppInstance | UserGroup | ..."""
    return {
        "id": item_id,
        "type": kind,
        "alternateId": alternate or name,
        "displayName": name,
        "detailEntry": detail or None,
    }
