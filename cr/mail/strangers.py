"""How many mails people can have us send to addresses that nobody has proved to be theirs.

Every kind of invitation counts, from whatever place: so nobody's mailbox is filled, whoever fills it, and nobody fills
many.
"""

from __future__ import annotations

from typing import Any

from cr.limits import Interval

DAY = 24 * 60 * 60

TO_ONE = 5
"""Mails to an address in a day."""

FROM_ONE = 200
"""Mails that an account has sent in a day."""

TOO_MANY = "Too many invitations went out today."


def count(request: Any, address: str) -> None:
    """One more, from the person who is signed in. Raises `RateLimited`."""
    # First: who may send no more can't use up what others may send to somebody.
    account = str(request.identity.account_id)
    request.at_most_once(Interval("invite-day:account", account, DAY, FROM_ONE, TOO_MANY))
    request.at_most_once(Interval("invite-day:address", address, DAY, TO_ONE, TOO_MANY))
