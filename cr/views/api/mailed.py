"""What the addresses in our mails take and answer. People open them: they get pages, and no JSON."""

from __future__ import annotations

from pydantic import BaseModel, Field

from cr.views.api.operations import Operation, Other

FORM = "application/x-www-form-urlencoded"


class TokenQuery(BaseModel):
    token: str = Field("", description="From the mail.")


class TokenForm(BaseModel):
    token: str = Field("", description="From the mail.")
    csrf_token: str = Field("", description="From the page with the button.")


ON = Other("Done, or the link is refused: on to a page.", headers=("Location",))
PAGE = Other("A page with a button, or one that says what to do first.", ("text/html",))

OPENED = Operation(query=TokenQuery, status=303, also={303: ON, 200: PAGE})
PRESSED = Operation(form=(FORM, TokenForm), status=303, also={303: ON, 200: PAGE})
