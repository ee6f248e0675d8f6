"""How values are compared if case does not count: controller.names for text, nothing else for the rest.

Called by every module that writes or looks up a key, and by SQLite itself as the function scim_fold.
"""

from __future__ import annotations

from typing import TypeVar, overload

from controller import names

T = TypeVar("T")


@overload
def fold(value: str) -> str: ...
@overload
def fold(value: T) -> T: ...
def fold(value: object) -> object:
    """The form in which `value` is compared without case; anything but a string is returned as it is."""
    return names.fold(value) if isinstance(value, str) else value
