"""Deleting an account: what is about the person is erased, what their groups adopted stays.

One transaction: the person is gone altogether, or not at all. docs/adr/0042 says what goes, what stays and why.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from cr import page_cache, uploads
from cr.accounts import join_links, mentions, stakeholders
from cr.accounts.guests import guests
from cr.accounts.tables import accounts, mailed_links
from cr.db import unhurried
from cr.errors import Conflict, Forbidden, NotFound
from cr.mail import outbox, words
from cr.pages import day, minute
from cr.projections import drafts, histories, invitations, organizers, revisions, rules, writers
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
mailbox first, then {tell}
"""

FILE = re.compile(r"/api/uploads/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})")


@dataclass(frozen=True)
class Plan:
    """What deleting would do; rows of the read models.

    `left` are rules that the person organizes, `put_down` drafts of others that they write, `parted` rules that they
    have a stake in, `declined` invitations that they have not answered (rule, stakeholder); `passed_on` are drafts and
    who gets each.
    """

    released: Sequence[Any]
    left: Sequence[Any]
    put_down: Sequence[Any]
    parted: Sequence[Any]
    declined: Sequence[Any]
    erased: Sequence[Any]
    passed_on: Sequence[tuple[Any, UUID]]


def plan(request: Any, *, lock: bool = False) -> Plan:
    """For the person who is signed in. With `lock` whoever gets a draft keeps their account until it is theirs."""
    session, me = request.dbsession, request.identity.account_id
    mine = drafts.all_of(session, me)
    heirs = _heirs(request, mine, me, lock=lock)
    return Plan(
        released=rules.owned(session, me),
        left=organizers.rules_of(session, me),
        put_down=writers.drafts_of(session, me),
        parted=invitations.rules_of(session, me),
        declined=stakeholders.unanswered(session, me, request.identity.email),
        erased=[row for row in mine if row.id not in heirs],
        passed_on=[(row, heirs[row.id]) for row in mine if row.id in heirs],
    )


def delete(request: Any) -> None:
    """The person who is signed in has no account any more. Whoever asks for it twice is no longer signed in then.

    Raises `Conflict` when somebody changes meanwhile what the person takes part in.
    """
    session, me, email = request.dbsession, request.identity.account_id, request.identity.email
    # Whoever writes as this person holds the row (see `sessions.find`): they are done first, or find nobody. Of those
    # who come here, one is at it: the view takes turns.
    session.execute(sa.select(accounts.c.id).where(accounts.c.id == me).with_for_update())
    intended = plan(request, lock=True)
    # What takes long, before anything is appended: nobody swaps in a read model meanwhile.
    with unhurried(session):
        files_to_go = _files_to_go(request, intended)
        mentions.take_out(session, email, mentions.WITHOUT_ACCOUNT)
    try:
        _append(request, intended)
    except (Forbidden, NotFound):
        raise Conflict() from None
    mentions.take_out(session, email, mentions.DRAFTS)
    ours = [row.id for row in intended.released]
    stakeholders.erase(session, stakeholders.ids(session, me, email, ours))
    links = join_links.join_links.c
    join_links.erase(session, sa.or_(links.email == email, links.made_by == me))
    session.execute(sa.delete(mailed_links).where(mailed_links.c.email == email))
    session.execute(sa.delete(guests).where(guests.c.draft.in_([row.id for row in intended.erased])))
    outbox.forget(session, recipient=email)
    _erase_files(request, files_to_go)
    session.execute(sa.delete(accounts).where(accounts.c.id == me))
    # Any public page may name them.
    page_cache.forget(request, None)
    text = TEXT.format(day=day(request.now), time=minute(request.now), tell=words.tell_us(request.settings))
    outbox.put(request, email, SUBJECT, text, reply_to=request.settings.organizer_inquiry_to)


def still_here(session: Any, people: Collection[UUID], *, lock: bool) -> dict[UUID, str]:
    """{account: address} of those of these who have an account. With `lock` they have it until the end of this
    transaction, so that nobody gets what is just being deleted: who deletes their own in this moment is waited for.
    """
    query = sa.select(accounts.c.id, accounts.c.email).where(accounts.c.id.in_(people)).order_by(accounts.c.id)
    found = session.execute(query.with_for_update(read=True, key_share=True) if lock else query)
    return {row.id: row.email for row in found}


def _append(request: Any, intended: Plan) -> None:
    """The log first: whoever writes to the same draft or rule just now is told apart by its number."""
    commands, me, now = request.rules, request.identity.account_id, request.now
    commands.pass_on_drafts({draft.id: heir for draft, heir in intended.passed_on}, me, now)
    commands.erase_drafts([draft.id for draft in intended.erased], me, now)
    for draft in intended.put_down:
        commands.remove_writer(draft.id, me, now, me)
    for rule in intended.left:
        commands.remove_organizer(rule.id, me, now, me)
    for rule in intended.parted:
        for each in invitations.accepted_by(request.dbsession, rule.id, me):
            commands.remove_stakeholder(rule.id, me, now, each)
    for each in intended.declined:
        commands.decline_stakeholder(each.rule, me, now, each.stakeholder)
    for rule in intended.released:
        commands.release_owner(rule.id, me, now)


def _heirs(request: Any, mine: Iterable[Any], me: UUID, *, lock: bool) -> dict[UUID, UUID]:
    """{draft: who gets it}, of those that are still being written: of the others who have written in it and still may,
    the last one. With `lock` they have an account until the end of the transaction, or are not here.
    """
    session, still = request.dbsession, {row.id: row for row in mine if row.status == "open"}
    revised = rules.several(session, (row.rule for row in still.values() if row.revises))
    organize, write = organizers.several(session, revised), writers.several(session, still)

    def may(account: UUID, row: Any) -> bool:
        if account == me:
            return False
        if not row.revises:
            return account in write[row.id]
        rule = revised[row.rule]
        return rule.status == "published" and (account == rule.owner or account in organize[rule.id])

    wrote = histories.wrote_in(session, still)
    others = {draft: [each for each in people if may(each, still[draft])] for draft, people in wrote.items()}
    here = still_here(session, {each for people in others.values() for each in people}, lock=lock)
    heirs = {draft: next((each for each in people if each in here), None) for draft, people in others.items()}
    return {draft: heir for draft, heir in heirs.items() if heir}


def _files_to_go(request: Any, intended: Plan) -> set[UUID]:
    """The person's files, but for those that rules of others show, or drafts that stay."""
    session, me, table = request.dbsession, request.identity.account_id, uploads.uploads
    own = set(session.scalars(sa.select(table.c.id).where(table.c.account_id == me)))
    if not own:
        return own
    shown = set(map(UUID, revisions.mentioned(session, FILE.pattern, _of_others(me))))
    released = [row.id for row in intended.released]
    staying = {row.id for row in drafts.revisers(session, *released)} | set(_written_in(session, me))
    gone = {row.id for row in intended.erased}
    for draft_id in (staying | {row.id for row, _ in intended.passed_on}) - gone:
        if draft := request.rules.readable_draft(draft_id):
            shown |= set(mentioned(draft.payload))
    return own - shown


def _of_others(me: UUID) -> sa.ColumnElement[bool]:
    """All rules but those that a person withdrew before anybody else had begun from their text. A draft that began from
    it may show the same files, and the texts of all drafts can't be looked through.
    """
    mine, copies, begun = rules.rules, rules.rules.alias(), drafts.drafts
    return sa.or_(
        mine.c.status == "published",
        mine.c.owner.is_distinct_from(me),
        sa.exists().where(copies.c.copied_from == mine.c.id, copies.c.owner.is_distinct_from(me)),
        sa.exists().where(begun.c.copied_from == mine.c.id, begun.c.owner != me),
    )


def _written_in(session: Any, me: UUID) -> Sequence[UUID]:
    """The open drafts of others in which a person wrote, whether they still may or not; and those that others who
    organized a rule with them took along from it, for these may have begun with a draft in which the person wrote.
    """
    entries, theirs, came, owned = histories.histories, drafts.drafts, organizers.organizers.c, rules.rules.c

    def organized(account: Any) -> sa.ColumnElement[bool]:
        rule = theirs.c.copied_from
        here = sa.exists().where(came.rule == rule, came.account == account)
        return sa.or_(here, sa.exists().where(owned.id == rule, owned.owner == account))

    wrote = theirs.c.id.in_(sa.select(entries.c.originator).where(entries.c.actor == me, histories.WROTE))
    took_along = sa.and_(organized(me), organized(theirs.c.owner))
    query = sa.select(theirs.c.id).where(theirs.c.status == "open", theirs.c.owner != me, sa.or_(wrote, took_along))
    found: Sequence[UUID] = session.scalars(query).all()
    return found


def mentioned(value: Any) -> Iterable[UUID]:
    """Ids of the files in a payload or document."""
    if isinstance(value, str):
        yield from map(UUID, FILE.findall(value))
    elif isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from mentioned(each)


def _erase_files(request: Any, gone: set[UUID]) -> None:
    """With the commit."""
    table = uploads.uploads
    request.dbsession.execute(sa.delete(table).where(table.c.id.in_(gone)))
    root = request.settings.upload_root
    if root is None:
        return
    for each in gone:
        request.tm.get().addAfterCommitHook(_removed, (files.path(root, each),))


def _removed(success: bool, path: Path) -> None:
    if success:
        files.remove(path)
