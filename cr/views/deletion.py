"""Deleting one's account as pages, and taking everything along first."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from typing import Any

from pyramid.renderers import render_to_response
from pyramid.response import FileIter, Response
from pyramid.security import forget
from pyramid.view import view_config, view_defaults

from cr.accounts import deletion, export, names
from cr.accounts.addresses import is_same
from cr.headers import not_kept
from cr.limits import Interval
from cr.projections import organizers
from cr.resources.profile import Profile
from cr.security import Permission
from cr.views.forms import email_input
from cr.views.public import rule_path

EXPORT_EVERY = 60
"""Seconds."""
TOO_SOON = "Your data was put together a moment ago. Look among your downloads."

ADDRESS = email_input("Your email address", "Write it once more, so that nobody deletes an account by a slip.")


@view_defaults(context=Profile, permission=Permission.ACCOUNT_OWN)
class DeletionViews:
    def __init__(self, request: Any) -> None:
        self.request = request

    @view_config(name="data.json", request_method="GET")
    def take_along(self) -> Response:
        # It reads everything of a person and holds a thread meanwhile. What fails does not count.
        account = str(self.request.identity.account_id)
        self.request.at_most_once(Interval("export", account, EXPORT_EVERY, why=TOO_SOON))
        # Written before it is sent: a request's transaction is over when its answer is read.
        file = tempfile.TemporaryFile()  # noqa: SIM115 - the answer closes it
        export.write(self.request, file)
        length = file.tell()
        file.seek(0)
        self.request.add_response_callback(not_kept)
        response: Response = self.request.response
        response.content_type, response.charset = "application/json", "utf-8"
        response.content_disposition = 'attachment; filename="community-rule.json"'
        response.content_length = length
        response.app_iter = FileIter(file)
        return response

    @view_config(name="delete", request_method="GET", renderer="cr:templates/account_delete.jinja2")
    def ask(self) -> dict[str, Any]:
        return self._page("")

    @view_config(name="delete", request_method="POST", renderer="cr:templates/account_delete.jinja2", takes_turns=True)
    def delete(self) -> Any:
        typed, own = self.request.POST.get(ADDRESS.name, ""), self.request.identity.email
        if not is_same(typed, own):
            self.request.response.status_int = 400
            return self._page(typed, f"{ADDRESS.label}: that is not {own}. Write it as it stands here.")
        deletion.delete(self.request)
        headers = forget(self.request)
        # No redirect: where it would lead to, nobody knows any more that there was an account.
        response = render_to_response("cr:templates/account_deleted.jinja2", {"email": own}, request=self.request)
        response.headerlist.extend(headers)
        not_kept(self.request, response)
        return response

    def _page(self, typed: str, fault: str | None = None) -> dict[str, Any]:
        request, intended = self.request, deletion.plan(self.request)
        known = names.names(request.dbsession, (heir for _, heir in intended.passed_on))
        return {
            "email": request.identity.email,
            "released": self._rules(intended.released),
            "left": self._rules(intended.left),
            "parted": self._rules(intended.parted),
            "declined": len(intended.declined),
            "erased": len(intended.erased),
            "open": [row.title or "Untitled rule" for row in intended.erased if row.status == "open"],
            "put_down": [row.title or "Untitled rule" for row in intended.put_down],
            "passed_on": [
                {"title": row.title or "Untitled rule", "to": known.get(heir) or "another of its writers"}
                for row, heir in intended.passed_on
            ],
            "address_field": ADDRESS.shown(typed, fault),
            "urls_account": {name: request.resource_path(request.context, name) for name in ("delete", "data.json")},
            "errors": {ADDRESS.name: fault} if fault else {},
            "error": None,
        }

    def _rules(self, rows: Sequence[Any]) -> list[dict[str, Any]]:
        known = organizers.several(self.request.dbsession, [row.id for row in rows])
        return [
            {
                "title": row.title,
                "url": rule_path(self.request, row.id),
                "organizers_url": rule_path(self.request, row.id, "organizers"),
                "organizers": len(known[row.id]),
            }
            for row in rows
            if row.status == "published"
        ]
