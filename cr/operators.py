"""`cr-rules`: look at a rule that somebody complained of, and take it down. For the people who run the site.

Reads CLOUDRON_POSTGRESQL_URL, and what else the site needs: the owner of a withdrawn rule is told by mail, which a
running server sends from the outbox.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from eventsourcing.persistence import IntegrityError
from sqlalchemy.orm import Session

from cr.accounts.tables import accounts
from cr.errors import Gone
from cr.events.application import Rules
from cr.events.rule import REASON_MOST
from cr.mail import outbox, words
from cr.output import printable
from cr.projections import rules
from cr.settings import Settings, SettingsError
from cr.terminal import at_terminal, failed, say

ID = re.compile(r"(?:^|/rules/)([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?=$|[/?#])", re.IGNORECASE)

SUBJECT = "Withdrawn: {title}"
TEXT = """\
Hello,

the people who run Community Rule have withdrawn your rule

{title}
  {url}

Nobody can read its text or its revisions there any more. This is the
reason that they gave, and everybody can read it at that address:

{reason}
"""
ASK_BACK = "\nIf you think that this is wrong, answer to this mail.\n"


def main(argv: Sequence[str] | None = None) -> int:
    """Exit codes: 0 done, 1 there is no such rule or it was withdrawn before, 2 could not be done, 128 and more ended
    from outside.
    """
    options = _parser().parse_args(argv)
    found = ID.search(options.rule.strip())
    if found is None:
        return failed(f"{printable(options.rule)} is no rule. Give its address, or the 36 characters of its id.")
    rule_id = UUID(found[1])
    try:
        settings = Settings.from_environment(os.environ, production=False)
    except SettingsError as error:
        return failed(str(error))
    if options.command == "show":
        return at_terminal(lambda engine: _show(engine, settings, rule_id))
    reason = " ".join(printable(" ".join(options.reason.split())).split())
    if not reason or len(reason) > REASON_MOST:
        return failed(f"Give a reason of 1 to {REASON_MOST} characters. Everybody reads it where the rule was.")
    return at_terminal(
        lambda engine: _withdraw(engine, settings, rule_id, reason, asked=options.yes), "Stopped. Nothing was changed."
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="cr-rules", description="Look at a rule, and take it down when it should not be on this site."
    )
    commands = parser.add_subparsers(dest="command", required=True)

    def command(name: str, summary: str) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=summary, description=summary)
        made.add_argument("rule", metavar="RULE", help="its address or its id")
        return made

    command("show", "what is known of a rule, without its text")
    withdraw = command("withdraw", "take a rule down for good; its owner is told by mail")
    withdraw.add_argument("--reason", required=True, metavar="TEXT", help="why; everybody reads it where the rule was")
    withdraw.add_argument("--yes", action="store_true", help="do not ask once more")
    return parser


def _show(engine: sa.Engine, settings: Settings, rule_id: UUID) -> int:
    rule = _find(engine, rule_id)
    if rule is None:
        return _unknown(rule_id)
    for line in _told(rule, settings):
        say(line)
    return 0


def _told(rule: Any, settings: Settings) -> list[str]:
    """The same for looking and before withdrawing."""
    lines = {
        "Title": printable(rule.title),
        "Address": _url(settings, rule.id),
        "Owner": rule.owner or "none",
        "Revisions": rule.revision,
        "Published": f"{rule.created_at:%Y-%m-%d %H:%M} UTC",
        "Changed": f"{rule.updated_at:%Y-%m-%d %H:%M} UTC",
        "Status": rule.status,
    }
    if rule.status == "withdrawn":
        lines["By"] = rule.withdrawn_by or "the people who run this site"
        lines["Reason"] = printable(rule.reason or "none given")
    return [f"{name:<10} {value}" for name, value in lines.items()]


def _withdraw(engine: sa.Engine, settings: Settings, rule_id: UUID, reason: str, *, asked: bool) -> int:
    if settings.app_origin is None:
        return failed("CLOUDRON_APP_ORIGIN is not set. The mail to the rule's owner has the rule's address in it.")
    rule = _find(engine, rule_id)
    if rule is None:
        return _unknown(rule_id)
    if rule.status == "withdrawn":
        return _before()
    if not asked:
        if not sys.stdin.isatty():
            return failed("Nobody can be asked here. Look at the rule with show, then say --yes.")
        for line in _told(rule, settings):
            say(line)
        say(f"{'Reason':<10} {reason}")
        sys.stdout.write(
            "Nobody will be able to read it any more, and it can't be put back. Write yes to withdraw it: "
        )
        sys.stdout.flush()
        if sys.stdin.readline().strip().lower() != "yes":
            return failed("Nothing was changed.")
    now = datetime.now(UTC)
    try:
        with engine.begin() as connection:
            # Whose it is by now: it may have been handed over while somebody was asked.
            withdrawn = Rules(lambda: nullcontext(connection)).withdraw_rule(rule_id, None, now, reason)
            told = _tell_owner(connection, settings, now, withdrawn, reason)
    except Gone:
        return _before()
    except IntegrityError:
        return failed("The rule was changed at this very moment, and is still there. Try again.")
    say(f"Withdrawn: {printable(rule.title)}")
    say(f"{_url(settings, rule_id)} says so, and why.")
    say("Its owner is told by mail." if told else "It has no owner who could be told.")
    return 0


def _tell_owner(connection: sa.Connection, settings: Settings, now: datetime, rule: Any, reason: str) -> bool:
    email = connection.scalar(sa.select(accounts.c.email).where(accounts.c.id == rule.owner))
    if email is None:
        return False
    text = TEXT.format(title=words.titled(rule.title), url=_url(settings, rule.id), reason=words.quoted(reason))
    reply_to = settings.organizer_inquiry_to
    outbox.write(
        connection,
        settings,
        now,
        email,
        SUBJECT.format(title=words.in_subject(rule.title, "your rule")),
        text + (ASK_BACK if reply_to else ""),
        reply_to=reply_to,
    )
    return True


def _find(engine: sa.Engine, rule_id: UUID) -> Any:
    with Session(engine) as session:
        return rules.find(session, rule_id)


def _url(settings: Settings, rule_id: UUID) -> str:
    return f"{settings.app_origin or ''}/rules/{rule_id}"


def _unknown(rule_id: UUID) -> int:
    failed(f"There is no rule {rule_id}.")
    return 1


def _before() -> int:
    failed("This rule was withdrawn before. Nothing was changed.")
    return 1
