"""Any two moments of a draft, compared."""

from __future__ import annotations

from typing import Any

from pyramid.view import view_config, view_defaults

from cr.comparison import NOTHING, Whole, compare
from cr.events.document import composed
from cr.events.draft import CommunityDescribed, Draft, explain
from cr.projections import histories
from cr.projections.histories import told
from cr.resources.drafts import DraftResource
from cr.security import Permission
from cr.views import comparing
from cr.views.draft import DraftPage


@view_defaults(context=DraftResource, permission=Permission.DRAFT_READ)
class DraftCompareViews(DraftPage):
    @view_config(name="compare", request_method="GET", renderer="cr:templates/draft_compare.jinja2")
    def compare(self) -> dict[str, Any]:
        """`from` and `to` are numbers of entries, 0 is the empty page before the first."""
        asked = comparing.moments(self.request.params, "entry", 0, self.draft.version)
        self.request.response.status_int = asked.status
        values = {**self.common(), "error": asked.error, "last": self.draft.version, "compared": None}
        if asked.before is None or asked.after is None:
            params = self.request.params
            return {**values, "from": params.get("from", ""), "to": params.get("to", "")}
        states = [self._state(version) for version in (asked.before, asked.after)]
        before, after = (whole(state) for state in states)
        page = comparing.page(compare(before, after), asked, self.request)
        # What a community says of itself is no part of the rule, but of the draft.
        payloads = [state.payload if state else {} for state in states]
        page["sentences"] += [told(fact) for fact in explain(*payloads) if isinstance(fact, CommunityDescribed)]
        return {
            **values,
            "from": asked.before,
            "to": asked.after,
            "compared": page,
            "moments": [self._moment(version, state) for version, state in zip(asked[:2], states, strict=True)],
        }

    def _state(self, version: int) -> Draft | None:
        return self.request.rules.draft(self.draft.id, version) if version else None

    def _moment(self, version: int | None, state: Draft | None) -> dict[str, Any]:
        entry = histories.find(self.request.dbsession, self.draft.id, version) if version else None
        return {
            "number": version,
            "at": state.updated_at if state else None,
            "sentence": entry.sentence if entry else None,
            "url": self.url("at", query={"entry": version}) if entry else None,
        }


def whole(draft: Draft | None) -> Whole:
    return Whole(draft.title, draft.payload.get("summary"), composed(draft.payload)) if draft else NOTHING
