"""/api/organizer-inquiry: a question to the people who run the site. Nobody needs to be signed in."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field
from pyramid.view import view_config

from cr.errors import ServerMisconfigured
from cr.mail import inbox
from cr.resources.api import ApiOrganizerInquiry
from cr.views.api.operations import Address, Done, Operation
from cr.views.forms import tidy


class Inquiry(BaseModel):
    """A question."""

    email: Address = Field(description="Where the answer goes.")
    # The command itself checks the length, after trimming.
    message: str = Field(
        description=f"{inbox.MESSAGE_LEAST} to {inbox.MESSAGE_MOST:,} characters after trimming.",
        json_schema_extra={"minLength": inbox.MESSAGE_LEAST},
    )
    website: Any = Field(None, description="Leave it out: what fills it in is taken for a program, and not passed on.")


@view_config(
    context=ApiOrganizerInquiry,
    request_method="POST",
    renderer="json",
    api=Operation(
        body=Inquiry,
        often="Once in 60 seconds for an email address; from an IP address once in 20 seconds and "
        f"{inbox.NETWORK_MOST} times in an hour; {inbox.SITE_MOST} times in an hour in all.",
        refuses=(ServerMisconfigured,),
    ),
)
def ask(request: Any) -> Done:
    """Ask the people who run this site.

    Once this is answered the question is taken, also while the mail server is away. They answer by mail.
    """
    inbox.address(request)
    body: Inquiry = request.sent
    if not inbox.is_trapped(body.website):
        inbox.ask(request, body.email, tidy(body.message))
    return {"ok": True}
