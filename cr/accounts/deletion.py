"""Deleting an account: what is about the person is erased, what their groups adopted stays.

One transaction: the person is gone altogether, or not at all. docs/adr/0042 says what goes, what stays and why.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from cr import page_cache, uploads
from cr.accounts import join_links, stakeholders
from cr.accounts.guests import guests
from cr.accounts.tables import accounts, mailed_links
from cr.mail import outbox
from cr.pages import day, minute
from cr.projections import drafts, invitations, organizers, revisions, rules, writers
from cr.uploads import files

SUBJECT = "Your account at Community Rule is deleted"
TEXT = """\
Hello,

the account of this email address at Community Rule was deleted on
{day} at {time} UTC: the email address, the drafts and the
files that no published rule shows. Published rules stay, without an
owner.

Nobody can bring the account back. If it was not you who deleted it,
somebody had your mailbox or your browser: change the password of your
mailbox first, then {tell}.
"""
ANSWER = "answer this mail, which the people who run this\nsite will read"
TELL = "tell the people who run this site"
"""Where they have no address that an answer could go to."""

FILE = re.compile(r"/api/uploads/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})")


@dataclass(frozen=True)
class Plan:
    """What deleting would do; rows of the read models.

    `left` are rules that the person organizes, `put_down` drafts of others that they write, `parted` rules that they
    have a stake in; `passed_on` are drafts and who gets each.
    """

    released: Sequence[Any]
    left: Sequence[Any]
    put_down: Sequence[Any]
    parted: Sequence[Any]
    erased: Sequence[Any]
    passed_on: Sequence[tuple[Any, UUID]]


def plan(request: Any) -> Plan:
    """For the person who is signed in."""
    session, me = request.dbsession, request.identity.account_id
    mine = drafts.all_of(session, me)
    heirs = {row.id: heir for row in mine if (heir := _heir(request, row, me))}
    return Plan(
        released=rules.owned(session, me),
        left=organizers.rules_of(session, me),
        put_down=writers.drafts_of(session, me),
        parted=invitations.rules_of(session, me),
        erased=[row for row in mine if row.id not in heirs],
        passed_on=[(row, heirs[row.id]) for row in mine if row.id in heirs],
    )


def delete(request: Any) -> None:
    """The person who is signed in has no account any more. Whoever asks for it twice is no longer signed in then."""
    session, me, email = request.dbsession, request.identity.account_id, request.identity.email
    # Whoever writes as this person holds the row (see `sessions.find`): they are done first, or find nobody.
    session.execute(sa.select(accounts.c.id).where(accounts.c.id == me).with_for_update())
    intended = plan(request)
    kept_files = _files_of_others(request, intended)
    _append(request, intended)
    ours = [row.id for row in intended.released]
    stakeholders.erase(session, stakeholders.ids(session, email=email, accepted_by=me, rules=ours))
    links = join_links.join_links.c
    join_links.erase(session, sa.or_(links.email == email, links.made_by == me))
    session.execute(sa.delete(mailed_links).where(mailed_links.c.email == email))
    session.execute(sa.delete(guests).where(guests.c.draft.in_([row.id for row in intended.erased])))
    outbox.forget(session, recipient=email)
    _erase_files(request, kept_files)
    session.execute(sa.delete(accounts).where(accounts.c.id == me))
    # Any public page may name them.
    page_cache.forget(request, None)
    reply_to = request.settings.organizer_inquiry_to
    text = TEXT.format(day=day(request.now), time=minute(request.now), tell=ANSWER if reply_to else TELL)
    outbox.put(request, email, SUBJECT, text, reply_to=reply_to)


def _append(request: Any, intended: Plan) -> None:
    """The log first: whoever writes to the same draft or rule just now is told apart by its number."""
    commands, me, now = request.rules, request.identity.account_id, request.now
    for draft, heir in intended.passed_on:
        commands.pass_on_draft(draft.id, me, now, heir)
    for draft in intended.erased:
        commands.erase_draft(draft.id, me, now)
    for draft in intended.put_down:
        commands.remove_writer(draft.id, me, now, me)
    for rule in intended.left:
        commands.remove_organizer(rule.id, me, now, me)
    for rule in intended.parted:
        for each in invitations.accepted_by(request.dbsession, rule.id, me):
            commands.remove_stakeholder(rule.id, me, now, each)
    for rule in intended.released:
        commands.release_owner(rule.id, me, now)


def _heir(request: Any, draft: Any, me: UUID) -> UUID | None:
    """Who gets a draft that is still being written: of those who have written in it and still may, the last one."""
    if draft.status != "open":
        return None
    entitled = {row.account for row in writers.of(request.dbsession, draft.id)}
    if draft.revises:
        rule = rules.find(request.dbsession, draft.rule)
        if rule.status == "withdrawn":
            return None
        entitled = {rule.owner, *(row.account for row in organizers.of(request.dbsession, draft.rule))}
    entitled -= {None, me}
    return next((each for each in request.rules.writers_of(draft.id) if each in entitled), None) if entitled else None


def _files_of_others(request: Any, intended: Plan) -> set[UUID]:
    """Of the files that published revisions show, and the drafts that stay."""
    shown = set(map(UUID, revisions.mentioned(request.dbsession, FILE.pattern)))
    about = [row.id for row in (*intended.released, *intended.left)]
    staying = [row.id for row in (*drafts.revisers(request.dbsession, *about), *intended.put_down)]
    gone = {row.id for row in intended.erased}
    for draft_id in {*staying, *(row.id for row, _ in intended.passed_on)} - gone:
        shown |= set(mentioned(request.rules.draft(draft_id).payload))
    return shown


def mentioned(value: Any) -> Iterable[UUID]:
    """Ids of the files in a payload or document."""
    if isinstance(value, str):
        yield from map(UUID, FILE.findall(value))
    elif isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from mentioned(each)


def _erase_files(request: Any, kept: set[UUID]) -> None:
    """All others of this person, with the commit."""
    table = uploads.uploads
    mine = request.dbsession.scalars(sa.select(table.c.id).where(table.c.account_id == request.identity.account_id))
    gone = set(mine) - kept
    request.dbsession.execute(sa.delete(table).where(table.c.id.in_(gone)))
    root = request.settings.upload_root
    if root is None:
        return
    for each in gone:
        request.tm.get().addAfterCommitHook(_removed, (files.path(root, each),))


def _removed(success: bool, path: Path) -> None:
    if success:
        files.remove(path)
