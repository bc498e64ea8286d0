"""Whom a rule's stakeholders are: the addresses behind the opaque ids that the log knows, and the links mailed to them.

A link works once, for 30 days. It proves the address as a link to sign in does, so it signs in too.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from cr.accounts.addresses import proper
from cr.accounts.links import LinkRefused
from cr.accounts.signin import account_of, enter
from cr.db import Timestamp, metadata, one_at_a_time
from cr.errors import Conflict, NotFound, RateLimited, ValidationProblem
from cr.events import rule as rule_events
from cr.events.rule import STAKEHOLDERS_MOST
from cr.limits import Interval
from cr.mail import outbox, strangers, words
from cr.projections import invitations, rules
from cr.proxy import public_origin

PURPOSE = "stakeholder"
LIFETIME = timedelta(days=30)

stakeholders = sa.Table(
    "stakeholders",
    metadata,
    sa.Column("id", postgresql.UUID(as_uuid=True), primary_key=True),
    sa.Column("rule", postgresql.UUID(as_uuid=True), nullable=False),
    sa.Column("email", sa.Text, nullable=False),
    sa.Column("invited_at", Timestamp, nullable=False),
    # Of the newest link that was mailed. It stays when they accept, so that who opens it again gets to the rule.
    sa.Column("token_hash", sa.LargeBinary, unique=True),
    sa.Column("expires_at", Timestamp),
    # Whose address it was, once they have another: the invitation is theirs still, and goes with their account.
    sa.Column("holder", postgresql.UUID(as_uuid=True), sa.ForeignKey("accounts.id", ondelete="CASCADE"), index=True),
    sa.UniqueConstraint("rule", "email"),
)

OPENING = "{who} invited you to be a stakeholder of a rule, the text in which a community says how it works together:"
SUBJECT = "You are invited to be a stakeholder of {rule}"
TEXT = """\
Hello,

{opening}

{title}
  {page}

A stakeholder is somebody whom the rule concerns. Its owner sees that
you take part, and the rule stands on your profile. You can't change it,
you owe nothing by it, and you can leave at any time.

To accept, open this link. It signs you in to Community Rule as well:

{link}

It works once, for 30 days.

If you did not expect this, ignore this mail. Without the link nobody
takes part in your name.
"""


@dataclass(frozen=True)
class Stakeholder:
    """`email` None: the address was erased. The newest link works until `expires_at`, None where there is none.
    `mail` is how the newest one fares, None where none was written or nobody knows any more.
    """

    id: UUID
    email: str | None
    invited_at: datetime
    accepted_at: datetime | None
    expires_at: datetime | None
    mail: outbox.State | None


@dataclass(frozen=True)
class Invitation:
    """A link to `rule`, a row of `cr.projections.rules`; `account` has used it. `holder` had the address before they
    changed theirs.
    """

    stakeholder: UUID
    rule: Any
    email: str
    holder: UUID | None
    expires_at: datetime
    account: UUID | None


def read(emails: Iterable[str], own: str | None, field: str = "stakeholderEmails") -> list[str]:
    """These addresses, each once. Raises `ValidationProblem` for what is none, or the person's own."""
    fault = "“{}” is no email address. Write one such as name@example.org."
    addresses = [proper(email, field, fault.format(email[:100])) for email in emails]
    if own in addresses:
        sentence = "You need no invitation to your own rule. Leave your own email address out."
        raise ValidationProblem(sentence, fields={field: sentence})
    return list(dict.fromkeys(addresses))


def read_typed(text: str, known: Collection[str | None], own: str | None) -> list[str]:
    """The addresses in a text that people typed, but for the `known`. Raises `ValidationProblem` as `read` does."""
    added = [address for address in read(re.findall(r"[^\s,;]+", text), own) if address not in known]
    if len(known) + len(added) > STAKEHOLDERS_MOST:
        raise ValidationProblem(f"At most {STAKEHOLDERS_MOST} people can be invited. Leave some out.")
    return added


def named(addresses: Iterable[str]) -> dict[UUID, str]:
    """New opaque ids for these addresses, each once."""
    return {uuid4(): address for address in dict.fromkeys(addresses)}


def of(session: Any, rule_id: UUID) -> list[Stakeholder]:
    """Who is invited or has accepted, who was invited first first."""
    rows = invitations.of(session, rule_id)
    query = sa.select(stakeholders.c.id, stakeholders.c.email, stakeholders.c.expires_at)
    known = {row.id: row for row in session.execute(query.where(stakeholders.c.rule == rule_id))}
    mails = outbox.states(session, [row.stakeholder for row in rows])
    return [
        Stakeholder(
            row.stakeholder,
            known[row.stakeholder].email if row.stakeholder in known else None,
            row.invited_at,
            row.accepted_at,
            known[row.stakeholder].expires_at if row.stakeholder in known else None,
            mails.get(row.stakeholder),
        )
        for row in rows
    ]


def at_once(request: Any) -> Interval:
    """Inviting, at publishing or afterwards, however many people at a time."""
    return Interval("publish-with-invites:ip", request.client_network, 60, why="You invited somebody a moment ago.")


def add(request: Any, rule: Any, people: dict[UUID, str]) -> int:
    """Invite more people to a rule that is published; returns how many are mailed. Raises `Conflict` for one who is
    invited already.
    """
    # Of two windows that invite the same person at once, the second finds whom the first has invited.
    one_at_a_time(request.dbsession, rule.id)
    known = sa.select(sa.func.min(stakeholders.c.email)).where(stakeholders.c.rule == rule.id)
    if twice := request.dbsession.scalar(known.where(stakeholders.c.email.in_(people.values()))):
        raise Conflict(f"{twice} is invited already.")
    request.at_most_once(at_once(request))
    request.rules.invite_stakeholders(rule.id, request.identity.account_id, request.now, *people)
    return invite(request, rule, people)


def invite(request: Any, rule: Any, people: dict[UUID, str]) -> int:
    """Keep whom the person who is signed in has just invited to `rule`, which has an id and a title, and mail them.

    Returns how many are mailed: to whom too many mails would go (`cr.mail.strangers`) none does, for publishing never
    fails because of mail. The owner can have it sent later.
    """
    if not people:
        return 0
    links = {key: _link(request) for key, email in people.items() if _may_be_mailed(request, email)}
    rows = [
        {
            "id": key,
            "rule": rule.id,
            "email": email,
            "invited_at": request.now,
            **(links[key].kept if key in links else NO_LINK),
        }
        for key, email in people.items()
    ]
    request.dbsession.execute(sa.insert(stakeholders), rows)
    who = _who(request)
    for key, link in links.items():
        _mail(request, who, rule, key, people[key], link.url)
    return len(links)


def _may_be_mailed(request: Any, email: str) -> bool:
    try:
        strangers.count(request, email)
    except RateLimited:
        return False
    return True


def resend(request: Any, rule: Any, stakeholder: Stakeholder) -> None:
    """Mail a new link; the older ones are void. Raises `ValidationProblem` for who accepted, and `RateLimited`."""
    if stakeholder.accepted_at:
        raise ValidationProblem("They accepted already, so there is nothing to send.")
    if stakeholder.email is None:
        raise ValidationProblem("Their email address was erased. Remove them, and invite them again.")
    request.at_most_once(Interval("resend:stakeholder", str(stakeholder.id), 60, why="You mailed them a moment ago."))
    strangers.count(request, stakeholder.email)
    # What still waits would bring a link that does not work.
    outbox.forget(request.dbsession, about=[stakeholder.id])
    link = _link(request)
    request.dbsession.execute(sa.update(stakeholders).where(stakeholders.c.id == stakeholder.id).values(link.kept))
    _mail(request, _who(request), rule, stakeholder.id, stakeholder.email, link.url)


def remove(request: Any, rule_id: UUID, *ids: UUID) -> None:
    """The owner removes them, or the person who is signed in leaves. Raises `NotFound` and `Forbidden`."""
    # Whoever accepts just now is done first, or finds that they are removed.
    one_at_a_time(request.dbsession, rule_id)
    for each in ids:
        request.rules.remove_stakeholder(rule_id, request.identity.account_id, request.now, each)
    erase(request.dbsession, ids)


def _of(account: UUID, email: str) -> sa.ColumnElement[bool]:
    """Invited by the address that an account has, or had."""
    known = stakeholders.c
    return sa.or_(known.holder == account, sa.and_(known.holder.is_(None), known.email == email))


def moved(session: Any, account: UUID, email: str) -> None:
    """The account that had this address has another. The new one is theirs to tell; so what their owners see, and have
    written down themselves, stays.
    """
    session.execute(sa.update(stakeholders).where(_of(account, email)).values(holder=account))


def ids(session: Any, account: UUID, email: str, rules: Collection[UUID]) -> Sequence[UUID]:
    """Those who are invited by an account's address, are the account, or were invited to one of these rules."""
    known, invited = stakeholders, invitations.invitations
    accepted = sa.select(invited.c.stakeholder).where(invited.c.account == account)
    found: Sequence[UUID] = session.scalars(
        sa.select(known.c.id).where(sa.or_(_of(account, email), known.c.id.in_(accepted), known.c.rule.in_(rules)))
    ).all()
    return found


def unanswered(session: Any, account: UUID, email: str) -> Sequence[Any]:
    """Rows (rule, stakeholder, invited_at) of an account's invitations to rules in force that nobody has accepted."""
    invited, known = invitations.invitations, stakeholders
    query = sa.select(invited.c.rule, invited.c.stakeholder, invited.c.invited_at)
    query = query.join(known, known.c.id == invited.c.stakeholder)
    query = query.join(rules.rules, rules.rules.c.id == invited.c.rule).where(rules.rules.c.status == "published")
    query = query.where(_of(account, email), invited.c.accepted_at.is_(None), invited.c.gone_at.is_(None))
    found: Sequence[Any] = session.execute(query.order_by(invited.c.rule, invited.c.version)).all()
    return found


def erase(session: Any, ids: Collection[UUID]) -> None:
    """Whom these ids mean; what is on its way to them is not sent any more."""
    session.execute(sa.delete(stakeholders).where(stakeholders.c.id.in_(ids)))
    outbox.forget(session, about=ids)


def erase_pending(session: Any, rule_id: UUID) -> None:
    """Who was invited to this rule and has not accepted."""
    erase(session, [row.stakeholder for row in invitations.of(session, rule_id) if row.accepted_at is None])


def find(request: Any, token: str) -> Invitation:
    """What a link is to, whether it still works or not. Raises `LinkRefused` where nobody can say any more."""
    tokens = request.registry["cr.tokens"]
    if not tokens.is_ours(PURPOSE, token):
        raise LinkRefused("invalid_link")
    known, invited = stakeholders, invitations.invitations
    row = request.dbsession.execute(
        sa.select(known, invited.c.account)
        .join(invited, sa.and_(invited.c.rule == known.c.rule, invited.c.stakeholder == known.c.id))
        .where(known.c.token_hash == tokens.hash(PURPOSE, token), invited.c.gone_at.is_(None))
    ).one_or_none()
    if row is None:
        raise LinkRefused("expired_link")
    rule = rules.find(request.dbsession, row.rule)
    return Invitation(row.id, rule, row.email, row.holder, row.expires_at, row.account)


def accept(request: Any, invitation: Invitation, *, own: bool) -> list[tuple[str, str]]:
    """Whoever is signed in, or else the owner of the address, who is signed in by it, takes part from now on.

    Returns the headers of signing in; with `own` what this browser has written comes along. Raises `LinkRefused` when
    somebody was faster: the same link, or the owner who removed them.
    """
    identity, rule_id = request.identity, invitation.rule.id
    # Of two that use one link at once, the second finds what the first has done.
    one_at_a_time(request.dbsession, rule_id)
    try:
        waiting = rule_events.accept(request.rules.rule(rule_id), invitation.stakeholder)
    except NotFound:
        waiting = []
    if not waiting:
        raise LinkRefused("expired_link")
    # Not before: a refusal is committed, and would leave an account that nobody asked for.
    account = identity.account_id if identity else account_of(request, invitation.email)
    request.rules.accept_stakeholder(rule_id, account, request.now, invitation.stakeholder)
    return [] if identity else enter(request, account, own=own)


@dataclass(frozen=True)
class _Link:
    """`kept`: the columns of a row that know it."""

    url: str
    kept: dict[str, Any]


NO_LINK: dict[str, Any] = {"token_hash": None, "expires_at": None}


def _link(request: Any) -> _Link:
    tokens = request.registry["cr.tokens"]
    token = tokens.make(PURPOSE)
    path = request.resource_path(request.root["api"]["invites"]["rule-stakeholder"], "verify", query={"token": token})
    kept = {"token_hash": tokens.hash(PURPOSE, token), "expires_at": request.now + LIFETIME}
    return _Link(public_origin(request) + path, kept)


def _who(request: Any) -> str:
    """What the person who is signed in is called in the mail."""
    return words.who(request.dbsession, request.identity.account_id, "Somebody who uses Community Rule")


def _mail(request: Any, who: str, rule: Any, stakeholder: UUID, email: str, link: str) -> None:
    text = TEXT.format(
        opening=words.filled(OPENING.format(who=who)),
        title=words.titled(rule.title),
        page=public_origin(request) + request.resource_path(request.root, "rules", str(rule.id)),
        link=link,
    )
    outbox.put(request, email, SUBJECT.format(rule=words.in_subject(rule.title)), text, about=stakeholder)
