"""What pages say of those who write together: the drafts of the others, and that nobody is taken for somebody else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from cr.accounts import names
from cr.events.draft import Draft
from cr.projections import histories, organizers, rules, writers
from cr.views.forms import NAME


def drafts_of_others(request: Any, theirs: Sequence[Any]) -> list[dict[str, Any]]:
    """Drafts that others have begun, rows of `cr.projections.drafts`, as a person who writes them, too, sees them:
    [{whose, title, url, updated_at}], with `rule` and `revision` where it is a next revision.
    """
    session, me = request.dbsession, request.identity.account_id
    about = rules.several(session, (each.rule for each in theirs if each.revises))
    known = names.names(session, (each.owner for each in theirs))
    return [_shown(request, each, about[each.rule] if each.revises else None, known, me) for each in theirs]


def _shown(request: Any, draft: Any, rule: Any, known: Mapping[UUID, str], reader: UUID) -> dict[str, Any]:
    """`rule`: what it is a next revision of, or None."""
    owner = names.called(draft.owner, known, owner=draft.owner)
    if rule:
        owner = names.called(draft.owner, known, owner=rule.owner, reader=reader)
    return {
        "whose": f"{owner}’s",
        "title": draft.title or "Untitled rule",
        "url": request.resource_path(request.root, "drafts", str(draft.id)),
        "updated_at": draft.updated_at,
        **({"rule": rule.title, "revision": draft.revises + 1} if rule else {}),
    }


def within(request: Any, draft: Draft, account: UUID | None) -> str:
    """What somebody who wrote in a draft is called within a sentence to the person who is signed in."""
    rule = rules.find(request.dbsession, draft.rule) if draft.rule else None
    known, owner = names.names(request.dbsession, [account]), rule.owner if rule else draft.owner
    noun = "organizer" if rule else "writer"
    who = names.called(account, known, owner=owner, reader=request.identity.account_id, noun=noun)
    return who if account in known else who[0].lower() + who[1:]


def saved_since(request: Any, draft: Draft | None, version: int) -> str | None:
    """Who else has saved a draft after `version`; None where it was only this person, in another window."""
    if draft is None:
        return None
    newest = histories.of(request.dbsession, draft.id, limit=max(1, draft.version - version))
    others = {row.actor for row in newest if row.version > version} - {request.identity.account_id}
    return within(request, draft, *others) if len(others) == 1 else "others" if others else None


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
