"""/api/drafts/me: the draft that a person is working on, whole."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel
from pyramid.view import view_config, view_defaults
from typing_extensions import TypedDict
from webob.etag import AnyETag, NoETag

from cr.accounts import draft_addresses
from cr.db import one_at_a_time
from cr.errors import Conflict, NoRoom, ServerMisconfigured
from cr.events.payload import PRIVATE, DraftPayload, checked, same
from cr.projections import drafts
from cr.resources.api import ApiMyDraft
from cr.security import Permission
from cr.times import iso_z
from cr.views.api.operations import Done, Moment, Operation, Shaped

Payload = Annotated[dict[str, Any], Shaped(DraftPayload)]


class DraftText(BaseModel):
    """The whole text of a draft."""

    payload: Payload


class Draft(TypedDict):
    payload: Payload
    updatedAt: Moment


class DraftAnswer(TypedDict):
    """The draft; null where there is none."""

    draft: Draft | None


def _digest(addresses: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(addresses, sort_keys=True).encode()).hexdigest()[:8]


@view_defaults(context=ApiMyDraft, renderer="json")
class MyDraft:
    def __init__(self, request: Any) -> None:
        self.request = request

    @property
    def actor(self) -> UUID:
        account_id: UUID = self.request.identity.account_id
        return account_id

    def _answer(self, draft: Any) -> DraftAnswer:
        addresses = draft_addresses.load(self.request.dbsession, draft.id)
        self.request.response.etag = f"{draft.id}.{draft.version}.{_digest(addresses)}"
        return {"draft": {"payload": {**draft.payload, **addresses}, "updatedAt": iso_z(draft.updated_at)}}

    @view_config(request_method="GET", permission=Permission.DRAFT_READ, api=Operation())
    def get(self) -> DraftAnswer:
        """Read my draft.

        Of several it is the one that was touched last. The answer has an ETag.
        """
        row = drafts.current(self.request.dbsession, self.actor)
        return self._answer(self.request.rules.draft(row.id)) if row else {"draft": None}

    @view_config(
        request_method="PUT",
        permission=Permission.DRAFT_EDIT,
        api=Operation(
            body=DraftText,
            headers={"If-Match": "The ETag of the answer that this text was made from."},
            refuses=(Conflict, ServerMisconfigured, NoRoom),
        ),
    )
    def put(self) -> DraftAnswer:
        """Write my draft.

        The text replaces the one before as a whole; keys that are unknown here are kept as they came. With `If-Match`,
        what others wrote since is kept beside it, and the answer is 409 when both changed the same part: then
        `details.clashes` has both. Without it, the last one counts.
        """
        request = self.request
        if not request.settings.backend_sync:
            raise ServerMisconfigured("Drafts are not kept on this server. Keep yours on your device.")
        payload = checked(request.sent.payload)
        addresses = {key: payload.pop(key) for key in PRIVATE if key in payload}
        row = drafts.current(request.dbsession, self.actor)
        if row is None:
            # Of two first ones that come at once, the second goes on with the draft that the first has started.
            one_at_a_time(request.dbsession, self.actor)
            row = drafts.current(request.dbsession, self.actor)
        version = self._seen_version(row, addresses)
        if row is None:
            draft = request.rules.draft(request.rules.start_draft(self.actor, request.now, payload))
        else:
            draft = request.rules.write_draft(row.id, self.actor, request.now, payload, base_version=version)
        draft_addresses.save(request.dbsession, draft.id, self.actor, addresses)
        return self._answer(draft)

    def _seen_version(self, row: Any, addresses: dict[str, Any]) -> int | None:
        """The version that If-Match says the client has seen, None without If-Match. Raises `Conflict`."""
        match = self.request.if_match
        if match is AnyETag or match is NoETag or not match.etags:
            return None
        for tag in match.etags:
            found = re.fullmatch(r"([0-9a-f-]{36})\.([0-9]{1,9})\.([0-9a-f]{8})", tag)
            if found and row is not None and found[1] == str(row.id) and 0 < int(found[2]) <= row.version:
                kept = draft_addresses.load(self.request.dbsession, row.id)
                if found[3] != _digest(kept) and not same(kept, addresses):
                    break
                return int(found[2])
        raise Conflict("The draft changed since you read it. Read it again, then send your change.")

    @view_config(request_method="DELETE", permission=Permission.DRAFT_EDIT, api=Operation(refuses=(Conflict,)))
    def delete(self) -> Done:
        """Discard my draft.

        Also when there is none.
        """
        row = drafts.current(self.request.dbsession, self.actor)
        if row is not None:
            self.request.rules.discard_draft(row.id, self.actor, self.request.now)
        return {"ok": True}
