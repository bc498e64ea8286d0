"""What the addresses in our mails take and answer. People open them: they get pages, and no JSON."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from pydantic import BaseModel, Field

from cr.accounts import guests
from cr.views.api.operations import Operation, Other

FORM = "application/x-www-form-urlencoded"


class TokenQuery(BaseModel):
    token: str = Field("", description="From the mail.")


class TokenForm(BaseModel):
    token: str = Field("", description="From the mail.")
    csrf_token: str = Field("", description="From the page with the button.")


class EnterForm(TokenForm):
    own: str | None = Field(None, description="Sent, whatever its value: what this browser wrote comes too.")


ON = Other("Done, or the link is refused: on to a page.", headers=("Location",))
PAGE = Other("A page with a button, or one that says what to do first.", ("text/html",))

OPENED = Operation(query=TokenQuery, status=303, also={303: ON, 200: PAGE})
PRESSED = Operation(form=(FORM, TokenForm), status=303, also={303: ON, 200: PAGE})


def called(*texts: dict[str, Any] | None) -> list[dict[str, Any]]:
    """What a page says of texts that are no drafts yet: `title`, empty where there is none, and how many `people` it
    invites.
    """
    return [
        {"title": str(text.get("title") or "").strip(), "people": len(text.get("stakeholderEmails") or ())}
        for text in texts
        if text
    ]


def written_here(request: Any, but: UUID | None = None) -> list[dict[str, Any]]:
    """What this browser has written without an account, as `called` has it."""
    guest = guests.current(request)
    return called(guest.payload if guest and guest.id != but else None)
