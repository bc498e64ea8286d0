"""/api/organizer-inquiry: a question to the people who run the site. Nobody needs to be signed in."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel
from pyramid.view import view_config

from cr.mail import inbox
from cr.resources.api import ApiOrganizerInquiry
from cr.views.api.body import json_body
from cr.views.forms import tidy


class InquiryBody(BaseModel):
    email: str
    message: str
    website: Any = None
    """Left empty by people, who do not see it: see `inbox.TRAP`."""


@view_config(context=ApiOrganizerInquiry, request_method="POST", renderer="json")
def ask(request: Any) -> dict[str, Any]:
    """Taken once this is answered: the mail waits in the outbox, so that a mail server which is away loses nothing."""
    inbox.address(request)
    body = json_body(request, InquiryBody)
    if not inbox.is_trapped(body.website):
        inbox.ask(request, body.email, tidy(body.message))
    return {"ok": True}
