"""How people are called beside what they publish: a name that they may give themselves, kept with the account.

It is in no event, so taking it back takes it off every history.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from cr.accounts.tables import accounts
from cr.limits import Interval
from cr.page_cache import forget

MOST = 80
"""Characters."""

TURNING = re.compile("[\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069]")
"""Marks that turn the direction of writing, which would reach into the sentence around the name."""


OURS = {
    *("you", "me", "owner", "the owner", "its owner", "an owner"),
    *("organizer", "an organizer", "another organizer", "the organizer", "organizers", "the organizers"),
    *("writer", "a writer", "another writer", "the writer", "writers", "the writers"),
    *("stakeholder", "a stakeholder", "the stakeholder", "stakeholders", "the stakeholders"),
    *("operator", "an operator", "the operator", "operators", "the operators", "the people who run this site"),
}
"""What pages and histories call people who gave no name; with a number, too."""


def names(session: Any, ids: Iterable[UUID | None]) -> dict[UUID, str]:
    """{account: name} of those of the accounts that have one."""
    wanted = {each for each in ids if each is not None}
    if not wanted:
        return {}
    query = sa.select(accounts.c.id, accounts.c.display_name)
    rows = session.execute(query.where(accounts.c.id.in_(wanted), accounts.c.display_name.is_not(None)))
    return {row.id: row.display_name for row in rows}


def called(
    actor: UUID | None,
    known: Mapping[UUID, str],
    *,
    owner: UUID | None = None,
    reader: UUID | None = None,
    noun: str = "organizer",
) -> str:
    """What to write beside what `actor` did to a rule of `owner`; `known` are `names` of them.

    `reader` is the organizer whom the page is for, None for a public page. `noun` is for who has no name.
    """
    if actor is None:
        return "The people who run this site"
    if actor == reader:
        return "You"
    if actor in known:
        return known[actor]
    if actor == owner:
        return "The owner"
    if reader:
        return f"Another {noun}"
    return f"{'An' if noun[0] in 'aeiou' else 'A'} {noun}"


def tidied(text: str) -> str:
    """As it is kept: one line, no control characters, no space around it."""
    line = " ".join(TURNING.sub("", text).split())
    line = "".join(each for each in line if unicodedata.category(each) not in ("Cc", "Cs"))
    # What is invisible all through is no name.
    return line.strip() if any(unicodedata.category(each)[0] not in "CZM" for each in line) else ""


def alike(name: str) -> str:
    """What two names have in common that a reader takes for one."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def is_ours(name: str) -> bool:
    """Whether a name reads as what a page says of somebody who has none, so that nobody could tell them apart."""
    said = alike(name)
    letters = "".join(each if each.isalpha() else " " for each in said)
    return " ".join(letters.split()) in OURS or re.search(r"\(\s*you\s*\)", said) is not None


def rename(request: Any, name: str) -> None:
    """From now on the person who is signed in is called `name`, a `tidied` text, in every history; "" for no name."""
    account = request.identity.account_id
    if names(request.dbsession, [account]).get(account, "") == name:
        return
    request.at_most_once(Interval("rename:account", str(account), 60 * 60, times=20))
    request.dbsession.execute(sa.update(accounts).where(accounts.c.id == account).values(display_name=name or None))
    # Any history may name them.
    forget(request, None)
