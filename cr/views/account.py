"""A person's account: their address."""

from __future__ import annotations

from typing import Any

from pyramid.view import view_config

from cr.resources.profile import Account
from cr.security import Permission


@view_config(
    context=Account,
    request_method="GET",
    permission=Permission.ACCOUNT_OWN,
    renderer="cr:templates/account.jinja2",
)
def show(request: Any) -> dict[str, Any]:
    return {"email": request.identity.email, "errors": {}, "error": None}
