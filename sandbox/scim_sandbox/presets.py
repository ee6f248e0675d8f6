"""How other services behave, as settings of the bundled provider: presets named after them.

Read by faulty_provider. Each is named after a service that behaves so in public: how it refuses a person if
no seat is free, and what it does to people who are deactivated or deleted.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from controller.errors import SpecError

Settings = Mapping[str, Any]
LIE: Final = "lie201"
"""The mode that the provider does not have: answers 201 and stores nothing. Its refusals carry this scimType,
so that faulty_provider knows them."""
_LYING: Final[Settings] = {"mode": "reject", "status": 403, "body": "scim", "scimType": LIE}


def _reject(**values: Any) -> Settings:
    return {"mode": "reject", **values}


def _leaving(on_deactivate: str = "freeSeat", on_delete: str = "purge", **values: Any) -> Settings:
    return {"onDeactivate": on_deactivate, "onDelete": on_delete, **values}


OVER_CAPACITY: Final[Mapping[str, Settings]] = {
    "calendly": _reject(),
    "ringcentral": _reject(detail="License limit has been reached."),
    "wso2": _reject(scimType="userLimitReached"),
    "snapotter": _reject(detail="User limit reached ({purchased} max)"),
    "securecodinghub": _reject(detail="No seat is left."),
    "celonis": _reject(status=400),
    "onyx": _reject(status=402, detail="No seats available."),
    "dify": _reject(status=400, body="json", detail="limit_exceeded"),
    "github": _reject(status=422, body="json", detail="no_seat"),
    "atlassian": _reject(status=400, body="json", detail="licenceExceeded"),
    "insomnia": _reject(body="json", detail="NEEDS_TO_INCREASE_SEATS"),
    "gitlab": {"mode": "downgrade"},
    "zoom": {"mode": "downgrade"},
    "miro": {"mode": "downgrade"},
    "smartsheet": {"mode": "downgrade"},
    "nuclino": {"mode": "autoExpand"},
    "mattermost": _reject(gracePercent=5),
    "encompass": {"mode": LIE},
    "scalekit": {"mode": "acceptPending"},
    "throttling": _reject(status=429, retryAfter="seconds"),
}
DEPROVISIONING: Final[Mapping[str, Settings]] = {
    "lucid": _leaving(),
    "calendly": _leaving(on_delete="soft"),
    "fleet": _leaving("delete"),
    "github-emu": _leaving("scramble"),
    "launchdarkly": _leaving(editInactive="refuse"),
    "securecodinghub": _leaving(on_delete="soft", reactivateOnCreate=True),
    "support-frees-seats": _leaving("keepSeat"),
}
PRESETS: Final[Mapping[str, Mapping[str, Settings]]] = {
    "overCapacity": OVER_CAPACITY,
    "deprovisioning": DEPROVISIONING,
}


def expand_presets(overrides: Mapping[str, Any]) -> dict[str, Any]:
    """`overrides` of a profile as the provider takes them, with each preset replaced by its settings.

    `overCapacity` and `deprovisioning` are the name of a preset, or an object that may name one in `preset`
    and change single settings of it. SpecError for a name that is none.
    """
    return {name: _expanded(name, value) if name in PRESETS else value for name, value in overrides.items()}


def _expanded(setting: str, value: Any) -> Any:
    given = {"preset": value} if isinstance(value, str) else value
    if not isinstance(given, dict):
        return value  # the provider says what is wrong with it
    settings = dict(given)
    if "preset" in settings:
        settings = {**_preset(setting, settings.pop("preset")), **settings}
    if settings.get("mode") == LIE:
        settings |= _LYING
    return settings


def _preset(setting: str, name: Any) -> Settings:
    presets = PRESETS[setting]
    if not isinstance(name, str) or name not in presets:
        raise SpecError(f"{name!r} is not one of {', '.join(presets)}", field=f"overrides.{setting}.preset")
    return presets[name]
