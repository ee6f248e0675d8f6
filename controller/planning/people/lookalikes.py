"""Names that look like a person's and are not, for the words of problems and of plans. They decide nothing.

Called by people. Two names are one by names.fold alone; what looks the same beyond that may be somebody else.
"""

from __future__ import annotations

from collections.abc import Iterable

from controller.model.people import Account
from controller.names import difference
from controller.planning.base.wording import shown
from controller.planning.people.matching import Register


def find_twin(register: Register, user_name: str) -> Account | None:
    """An account whose name looks like `user_name` without being it: the first that belongs to nobody, else
    the first."""
    twins = sorted(register.lookalikes(user_name), key=lambda one: (register.owner(one) != "", one.scim_id))
    return twins[0] if twins else None


def twin_words(user_name: str, account: Account) -> str:
    """How the name of `account` compares: "ﬁona@... looks the same and differs in ..."."""
    how = difference(user_name, account.user_name)
    return f"the account {shown(account.user_name)} looks the same and differs {how}"


def spelled(names: Iterable[str]) -> str:
    """`, which differ only in Unicode normalization` where the spellings of one name look the same, or ""."""
    first, *others = sorted(set(names))
    how = next((found for other in others if (found := difference(first, other))), "")
    return f"; their spellings look the same and differ {how}" if how else ""
