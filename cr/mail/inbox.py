"""Mail to the people who run the site: questions from anybody, and reports of rules.

It waits in the outbox rather than being sent at once: whoever asks has nothing left to do, and their words are kept
where the mail server is away. What strangers wrote is marked as theirs line by line, so that nothing of it can pass for
words of the site.
"""

from __future__ import annotations

from typing import Any

from cr.accounts.addresses import proper
from cr.errors import ServerMisconfigured, ValidationProblem
from cr.limits import Interval
from cr.mail import outbox, words
from cr.proxy import public_origin

MESSAGE_LEAST, MESSAGE_MOST = 10, 10_000
REPORT_LEAST, REPORT_MOST = 10, 5_000
"""Characters, without the space around them."""

TRAP = "website"
"""A field of public forms that people do not see. Programs that fill in every field they find fill in this one, too."""

HOUR = 60 * 60
NETWORK_MOST, RULE_MOST, SITE_MOST = 20, 5, 60
"""Questions, and reports, in an hour: from a network, about a rule, in all. Nobody reads more."""

SENT = "You sent something a moment ago."
SENT_MUCH = "You sent a lot within the hour."
ASKED_MUCH = "More questions came within the hour than anybody here can read. Perhaps a guide has the answer."
REPORTED = "Others reported this rule within the hour, so the people who run this site know of it."
REPORTED_MUCH = "More reports came within the hour than anybody here can read. You can ask an organizer instead."

QUESTION = "A question from {email}"
QUESTION_TEXT = """\
Somebody wrote this with the form "Ask an organizer" of

{origin}

They gave the email address {email}, which nobody has checked.
An answer to this mail goes there.

{message}
"""

REPORT = "Reported: {title}"
REPORT_TEXT = """\
Somebody reported revision {revision} of a rule on your site:

{title}
  {url}

What is wrong: {reason}

{message}

{answer}

To look at it, and to withdraw it where it has to go:

cr-rules show {rule}
cr-rules withdraw {rule} --reason "..."
"""
ANSWER_TO = "They gave the email address {email}, which nobody has checked.\nAn answer to this mail goes there."
NO_ANSWER = "They gave no email address, so nobody can answer."


def address(request: Any) -> str:
    """Where it goes. Raises `ServerMisconfigured` where ORGANIZER_INQUIRY_TO is not set."""
    to: str | None = request.settings.organizer_inquiry_to
    if to is None:
        raise ServerMisconfigured("This site has no inbox for questions. Please tell the people who run it.")
    return to


def is_trapped(value: Any) -> bool:
    """Whether the field `TRAP` was filled in."""
    return value is not None and str(value).strip() != ""


def ask(request: Any, email: str, message: str) -> str:
    """Mail a question; returns the address that the answer will go to.

    Raises `ServerMisconfigured`, `ValidationProblem` with a sentence for each field, `RateLimited`.
    """
    to = address(request)
    faults: dict[str, str] = {}
    asker = _sender(email, faults)
    if fault := length_fault(message, MESSAGE_LEAST, MESSAGE_MOST):
        faults["message"] = fault
    _refuse(faults)
    network = request.client_network
    request.at_most_once(
        Interval("inquiry:address", asker, 60, why=SENT),
        Interval("inquiry:ip", network, 20, why=SENT),
    )
    request.at_most_once(Interval("inquiry-hour:ip", network, HOUR, NETWORK_MOST, SENT_MUCH))
    request.at_most_once(Interval("inquiry-hour:site", "", HOUR, SITE_MOST, ASKED_MUCH))
    text = QUESTION_TEXT.format(origin=public_origin(request), email=asker, message=words.quoted(message))
    outbox.put(request, to, QUESTION.format(email=asker), text, reply_to=asker)
    return asker


def report(request: Any, rule: Any, revision: int, reason: str, message: str, email: str) -> None:
    """Mail a report of `rule`, its row; `reason` as a sentence of ours, `email` "" where no answer is wanted.

    Raises as `ask` does.
    """
    to = address(request)
    faults = {}
    if not reason:
        faults["reason"] = "Choose what is wrong."
    if fault := length_fault(message, REPORT_LEAST, REPORT_MOST):
        faults["message"] = fault
    reporter = _sender(email, faults) if email.strip() else None
    _refuse(faults)
    network = request.client_network
    request.at_most_once(Interval("report:ip", network, 60, why=SENT))
    request.at_most_once(Interval("report-hour:ip", network, HOUR, NETWORK_MOST, SENT_MUCH))
    request.at_most_once(Interval("report-hour:rule", str(rule.id), HOUR, RULE_MOST, REPORTED))
    request.at_most_once(Interval("report-hour:site", "", HOUR, SITE_MOST, REPORTED_MUCH))
    text = REPORT_TEXT.format(
        url=public_origin(request) + request.resource_path(request.root, "rules", str(rule.id)),
        title=words.titled(rule.title),
        revision=revision,
        reason=reason,
        message=words.quoted(message),
        answer=ANSWER_TO.format(email=reporter) if reporter else NO_ANSWER,
        rule=rule.id,
    )
    outbox.put(request, to, REPORT.format(title=words.in_subject(rule.title)), text, reply_to=reporter)


def length_fault(text: str, least: int, most: int) -> str | None:
    if not text:
        return "Write what it is about."
    if len(text) < least:
        return f"Write a little more: at least {least} characters."
    if len(text) > most:
        return f"Shorten it to {most} characters. It has {len(text)}."
    return None


def _sender(email: str, faults: dict[str, str]) -> str:
    try:
        return proper(email)
    except ValidationProblem as problem:
        faults |= problem.details["fields"]
        return ""


def _refuse(faults: dict[str, str]) -> None:
    if faults:
        raise ValidationProblem(" ".join(faults.values()), fields=faults)
