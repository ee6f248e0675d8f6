"""What the System Log tells of Okta's own pushing: whom it could not push and why, and which app it does not
reach.

Filled by the log poller and by event hooks, asked by the operator before each run. Pure. A reason is a text
for a reader; whether somebody is in error is read from the app's users. Source: developer.okta.com, event
types.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from controller.okta.events import Change

CONNECTION_CHANGED = "application.configuration.update"
NO_CONNECTION = frozenset(
    {"application.integration.authentication_failure", "application.integration.general_failure"}
)
"""Event types of an app that is not reached; a rate limit passes by itself."""
KEPT = 10_000
"""Reasons kept of one app; beyond that the people are still counted as failed, without a reason."""
KEPT_APPS = 1000
"""Apps of which something is kept, the oldest dropped first: a log can name any number."""


@dataclass(frozen=True, slots=True)
class Told:
    """What was told of one app since the process began. "" says that what was told before is over."""

    failures: Mapping[str, str] = field(default_factory=dict)
    """Okta id -> reason."""
    trouble: str | None = None
    """Why the app is not reached; None where nothing was told."""


@dataclass(slots=True)
class Pushes:
    """The pushes of one org, by app id."""

    _failures: dict[str, dict[str, str]] = field(default_factory=dict)
    _trouble: dict[str, str] = field(default_factory=dict)

    def take(self, change: Change) -> bool:
        """Notes `change`; whether somebody, or an app, began to fail by it or ceased to."""
        news = [self._take(change, app_id) for app_id in sorted(change.app_ids)]
        return any(news)

    def _take(self, change: Change, app_id: str) -> bool:
        if change.event_type == CONNECTION_CHANGED or change.event_type in NO_CONNECTION:
            return self._reached(app_id, change.failure)
        if not change.is_push:
            return False
        news = [self._pushed(app_id, user_id, change.failure) for user_id in sorted(change.user_ids)]
        return any(news) or (not change.failure and self._reached(app_id, ""))

    def _reached(self, app_id: str, trouble: str) -> bool:
        before = self._trouble.get(app_id, "")
        if trouble or before:
            self._trouble[app_id] = trouble
            _forget_oldest(self._trouble)
        return bool(trouble) is not bool(before)

    def _pushed(self, app_id: str, user_id: str, failure: str) -> bool:
        failures = self._failures.setdefault(app_id, {})
        _forget_oldest(self._failures)
        before = failures.get(user_id, "")
        if user_id in failures or (failure and len(failures) < KEPT):
            failures[user_id] = failure
        return bool(failure) is not bool(before)

    def recall(self, app_id: str, failures: Mapping[str, str], trouble: str) -> None:
        """What was stored by an earlier process; what has been told since counts more."""
        if failures:
            self._failures[app_id] = {**failures, **self._failures.get(app_id, {})}
        if trouble:
            self._trouble.setdefault(app_id, trouble)

    def told(self, app_id: str) -> Told:
        """What is known of one app."""
        return Told(dict(self._failures.get(app_id, {})), self._trouble.get(app_id))


def _forget_oldest(by_app: dict[str, Any]) -> None:
    if len(by_app) > KEPT_APPS:
        del by_app[next(iter(by_app))]
