"""People: accounts, sessions and the links that are mailed to them.

They live in ordinary tables that can be erased; events name a person by the account's id only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from cr.accounts.tokens import Tokens


@dataclass(frozen=True)
class Identity:
    """Who is signed in, and through which session."""

    account_id: UUID
    email: str
    session_id: UUID


@dataclass(frozen=True)
class SignedIn:
    """A Pyramid event, sent in the transaction that signs the person in: what they brought with them can be adopted."""

    request: Any
    account_id: UUID
    draft: dict[str, Any] | None = None
    """The payload that came with the request for the link, as `cr.events.payload.checked` left it."""
    guests: tuple[UUID, ...] = ()
    """Of `cr.accounts.guests`: what this browser has written there, and the one that asked for the link."""


def includeme(config: Any) -> None:
    config.registry["cr.tokens"] = Tokens(config.registry["cr.settings"].session_secret)
