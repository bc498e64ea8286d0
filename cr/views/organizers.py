"""What pages say of those who write together: the drafts of the others, and that nobody is taken for somebody else."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from cr.accounts import names
from cr.projections import drafts, organizers, writers
from cr.views.forms import NAME


def drafts_of_others(request: Any, rows: Iterable[Any]) -> list[dict[str, Any]]:
    """Open drafts of the next revisions of these rules, rows of `cr.projections.rules`, that the others who organize
    them have begun: [{whose, title, rule, revision, url, updated_at}], last touched first.
    """
    me, about = request.identity.account_id, {row.id: row for row in rows}
    theirs = [each for each in drafts.revisers(request.dbsession, *about) if each.owner != me]
    known = names.names(request.dbsession, (each.owner for each in theirs))
    return [
        _shown(request, each, names.called(each.owner, known, owner=about[each.rule].owner, reader=me))
        | {"rule": about[each.rule].title, "revision": each.revises + 1}
        for each in theirs
    ]


def drafts_let_into(request: Any) -> list[dict[str, Any]]:
    """Open drafts of new rules that their owners let this person in to write: as above, without rule and revision."""
    theirs = writers.drafts_of(request.dbsession, request.identity.account_id)
    known = names.names(request.dbsession, (each.owner for each in theirs))
    return [_shown(request, each, names.called(each.owner, known, owner=each.owner)) for each in theirs]


def _shown(request: Any, draft: Any, whose: str) -> dict[str, Any]:
    return {
        "whose": f"{whose}’s",
        "title": draft.title or "Untitled rule",
        "url": request.resource_path(request.root, "drafts", str(draft.id)),
        "updated_at": draft.updated_at,
    }


def fault_of_name(request: Any, name: str, *together: UUID) -> str | None:
    """What is wrong with a name, as a sentence, or None. Nobody may be taken for somebody else who writes a rule or a
    draft with them, or one of these.
    """
    if fault := NAME.fault(name):
        return fault
    if names.is_ours(name):
        return f"{NAME.label}: choose another one. “{name}” is what this site says of people without a name."
    session, me = request.dbsession, request.identity.account_id
    fellows = organizers.fellows(session, me, *together) | writers.fellows(session, me, *together)
    if names.alike(name) in map(names.alike, names.names(session, fellows).values()):
        return f"{NAME.label}: choose another one. Somebody who writes a rule with you is called “{name}” already."
    return None
