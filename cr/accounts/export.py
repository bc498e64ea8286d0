"""Everything that is kept of a person, as one JSON file for them to take along.

    {"madeAt", "account": {"id", "email", "name", "createdAt"},
     "sessions": [{"browser", "signedInAt", "lastSeenAt"}],
     "drafts": [{"id", "title", "status", "startedAt", "updatedAt", "revises", "stakeholderEmails", "payload",
                 "history": [{"entry", "at", "byYou", "said"}]}],
     "draftsOfOthers": [{"id", "title", "address", "startedAt", "updatedAt", "revises", "payload"}],
     "rules": [{"id", "title", "address", "role", "status", "revision", "createdAt", "updatedAt"}],
     "invitations": [{"rule", "email", "invitedAt", "acceptedAt"}],
     "invitedTo": [{"rule", "title", "address", "invitedAt"}],
     "joinLinks": [{"for", "email", "createdAt", "expiresAt"}],
     "uploads": [{"id", "address", "purpose", "mimeType", "byteLength", "createdAt", "content"}]}

`draftsOfOthers` are those that they write, too. `role` is owner, organizer or stakeholder; `invitations` are those to
the person's own rules, `invitedTo` those of their address that they have not answered, `joinLinks` those that nobody
has used yet, to a rule or a draft. `content` is the file itself in Base64, null where it is missing; a person has 50
MiB of them at most. Times are ISO 8601 UTC. The text of a published rule is at its address. Texts that were erased
are in it no more; a draft that can't be read any more has `unreadable` beside its payload, which is null.
"""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import Iterable, Iterator
from typing import IO, Any
from uuid import UUID

import sqlalchemy as sa

from cr import uploads
from cr.accounts import draft_addresses, join_links, sessions, stakeholders
from cr.accounts.tables import accounts
from cr.projections import drafts, histories, invitations, organizers, rules, writers
from cr.proxy import public_origin
from cr.times import iso_z
from cr.uploads import files

log = logging.getLogger(__name__)

HISTORY_AT_ONCE = 500
"""Entries of a draft's history."""


def write(request: Any, file: IO[bytes]) -> None:
    """Of the person who is signed in. One draft or file is in memory at a time, however many there are."""
    parts: dict[str, Any] = {
        "madeAt": iso_z(request.now),
        "account": _account(request),
        "sessions": _sessions(request),
        "drafts": _drafts(request),
        "draftsOfOthers": _drafts_of_others(request),
        "rules": _rules(request),
        "invitations": _invitations(request),
        "invitedTo": _invited_to(request),
        "joinLinks": _join_links(request),
        "uploads": _uploads(request),
    }
    mark = b"{"
    for name, part in parts.items():
        file.write(mark + b"\n" + _json(name) + b": ")
        mark = b","
        if not isinstance(part, Iterator):
            file.write(_json(part))
            continue
        between = b"["
        for each in part:
            file.write(between + b"\n  " + _json(each))
            between = b","
        file.write(b"[]" if between == b"[" else b"\n]")
    file.write(b"\n}\n")


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


def _account(request: Any) -> dict[str, Any]:
    query = sa.select(accounts).where(accounts.c.id == request.identity.account_id)
    row = request.dbsession.execute(query).one()
    return {"id": str(row.id), "email": row.email, "name": row.display_name, "createdAt": iso_z(row.created_at)}


def _sessions(request: Any) -> Iterator[dict[str, Any]]:
    for row in sessions.of(request):
        yield {
            "browser": row.browser,
            "signedInAt": iso_z(row.created_at),
            "lastSeenAt": iso_z(row.last_seen_at),
        }


def _drafts(request: Any) -> Iterator[dict[str, Any]]:
    session = request.dbsession
    for row in drafts.all_of(session, request.identity.account_id):
        addresses = draft_addresses.load(session, row.id)
        yield {
            "id": str(row.id),
            "title": row.title,
            "status": row.status,
            "startedAt": iso_z(row.started_at),
            "updatedAt": iso_z(row.updated_at),
            "revises": str(row.rule) if row.revises else None,
            "stakeholderEmails": addresses.get("stakeholderEmails", []),
            **_payload(request, row.id),
            "history": list(_history(request, row.id)),
        }


def _payload(request: Any, draft_id: UUID) -> dict[str, Any]:
    draft = request.rules.readable_draft(draft_id)
    return {"payload": draft.payload} if draft else {"payload": None, "unreadable": True}


def _drafts_of_others(request: Any) -> Iterator[dict[str, Any]]:
    for row in writers.with_others(request.dbsession, request.identity.account_id):
        yield {
            "id": str(row.id),
            "title": row.title,
            "address": public_origin(request) + request.resource_path(request.root, "drafts", str(row.id)),
            "startedAt": iso_z(row.started_at),
            "updatedAt": iso_z(row.updated_at),
            "revises": str(row.rule) if row.revises else None,
            **_payload(request, row.id),
        }


def _history(request: Any, draft_id: UUID) -> Iterator[dict[str, Any]]:
    """The newest entry first."""
    before = None
    while entries := histories.of(request.dbsession, draft_id, before=before, limit=HISTORY_AT_ONCE):
        for each in entries:
            yield {
                "entry": each.version,
                "at": iso_z(each.at),
                "byYou": each.actor == request.identity.account_id,
                "said": each.sentence,
            }
        before = entries[-1].version


def _rules(request: Any) -> Iterator[dict[str, Any]]:
    session, me, origin = request.dbsession, request.identity.account_id, public_origin(request)
    found: list[tuple[str, Iterable[Any]]] = [
        ("owner", rules.owned(session, me)),
        ("organizer", organizers.rules_of(session, me)),
        ("stakeholder", invitations.rules_of(session, me)),
    ]
    for role, rows in found:
        for row in rows:
            yield {
                "id": str(row.id),
                "title": row.title,
                "address": origin + request.resource_path(request.root, "rules", str(row.id)),
                "role": role,
                "status": row.status,
                "revision": row.revision,
                "createdAt": iso_z(row.created_at),
                "updatedAt": iso_z(row.updated_at),
            }


def _invitations(request: Any) -> Iterator[dict[str, Any]]:
    for row in rules.owned(request.dbsession, request.identity.account_id):
        for each in stakeholders.of(request.dbsession, row.id):
            yield {
                "rule": str(row.id),
                "email": each.email,
                "invitedAt": iso_z(each.invited_at),
                "acceptedAt": iso_z(each.accepted_at) if each.accepted_at else None,
            }


def _invited_to(request: Any) -> Iterator[dict[str, Any]]:
    found = stakeholders.unanswered(request.dbsession, request.identity.account_id, request.identity.email)
    known = rules.several(request.dbsession, (each.rule for each in found))
    for each in found:
        yield {
            "rule": str(each.rule),
            "title": known[each.rule].title,
            "address": public_origin(request) + request.resource_path(request.root, "rules", str(each.rule)),
            "invitedAt": iso_z(each.invited_at),
        }


def _join_links(request: Any) -> Iterator[dict[str, Any]]:
    table = join_links.join_links
    query = sa.select(table).where(table.c.made_by == request.identity.account_id).order_by(table.c.created_at)
    for row in request.dbsession.execute(query):
        yield {
            "for": str(row.about),
            "email": row.email,
            "createdAt": iso_z(row.created_at),
            "expiresAt": iso_z(row.expires_at),
        }


def _uploads(request: Any) -> Iterator[dict[str, Any]]:
    table = uploads.uploads
    query = sa.select(table).where(table.c.account_id == request.identity.account_id).order_by(table.c.created_at)
    origin = public_origin(request)
    for row in request.dbsession.execute(query):
        yield {
            "id": str(row.id),
            "address": f"{origin}{request.resource_path(request.root['api']['uploads'], str(row.id))}",
            "purpose": row.purpose,
            "mimeType": row.mime_type,
            "byteLength": row.byte_length,
            "createdAt": iso_z(row.created_at),
            "content": _content(request, row.id),
        }


def _content(request: Any, upload: UUID) -> str | None:
    root = request.settings.upload_root
    try:
        return base64.b64encode(files.path(root, upload).read_bytes()).decode() if root else None
    except OSError as error:
        # One file that can't be read is no reason to keep all the rest from its person.
        log.error("An uploaded file can't be read: %s: %s", upload, error.strerror)
        return None
