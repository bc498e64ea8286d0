"""What can be refused, said once: the log, the pages and the JSON API all raise these.

Each has a stable `code` (the JSON contract's) and a message that tells the person what to do next. `cr.views.errors`
turns them into answers.
"""

from __future__ import annotations

import math
from typing import Any


class Problem(Exception):
    """A refusal that a person or a program gets to read."""

    code = "internal_error"
    status = 500
    default = "Something went wrong on our side. Nothing you saved is lost. Please try again."
    unread = False
    """Whether it was refused by its length or form alone: then no page has the words that came with it."""

    def __init__(self, message: str | None = None, **details: Any) -> None:
        self.message = message or self.default
        self.details = details
        super().__init__(self.message)


class ValidationProblem(Problem):
    """Bad input. `details["fields"]`, where given, is {field name: sentence}."""

    code, status = "validation_error", 400
    default = "Some of what was sent can't be used. Please check it and try again."


class InvalidJson(Problem):
    code, status = "invalid_json", 400
    default = "The body is not valid JSON."


class Unauthorized(Problem):
    code, status = "unauthorized", 401
    default = "Please sign in first."


class SignedOut(Unauthorized):
    """A form that was sent after its session had ended; the page that says so has what was written."""

    default = "You are signed out. Sign in again, then go on."


class Forbidden(Problem):
    code, status = "forbidden", 403
    default = "You can't do this. Ask the person who owns it."


class NotFound(Problem):
    code, status = "not_found", 404
    default = "There is nothing here. It may have moved, or the address may have a typo."


class Conflict(Problem):
    code, status = "conflict", 409
    default = "Somebody else changed this a moment ago. Reload and try again."


class Gone(NotFound):
    """It was here and was taken down. Pages say so (410); the JSON API answers as for a missing one."""

    default = "This was withdrawn."


class PayloadTooLarge(Problem):
    code, status = "payload_too_large", 413
    default = "This is more than can be taken at once. Please make it smaller."
    unread = True


class NoRoom(PayloadTooLarge):
    """There is no room for it beside what is kept already."""

    default = "This is more than can be kept here. Please make it shorter."
    unread = False


class RateLimited(Problem):
    """Too soon. `retry_after` is in seconds, `seconds` is the same rounded up for the header; `why` is a sentence."""

    code, status = "rate_limited", 429
    default = "That was a little fast."

    def __init__(self, retry_after: float, why: str = "") -> None:
        self.retry_after, self.seconds = retry_after, max(1, math.ceil(retry_after))
        size, unit = (3600, "hour") if self.seconds > 5400 else (60, "minute") if self.seconds > 90 else (1, "second")
        number = math.ceil(self.seconds / size)
        wait = f"{number} {unit}{'' if number == 1 else 's'}"
        super().__init__(f"{why or self.default} Try again in {wait}.", retryAfterMs=round(retry_after * 1000))


class ServerMisconfigured(Problem):
    code, status = "server_misconfigured", 500
    default = "This server is not set up for that. Please tell the people who run it."


class MailFailed(Problem):
    """A mail did not go out; `reason` says why to whoever had it written, without any address.

    `lasting`: it never will. `everybody`: no other mail would have gone out either.
    """

    code, status = "mail_failed", 502
    default = "The mail could not be sent. Nothing was changed; please try again."

    def __init__(self, reason: str, *, lasting: bool = False, everybody: bool = False) -> None:
        super().__init__()
        self.reason, self.lasting, self.everybody = reason, lasting, everybody


class DatabaseUnavailable(Problem):
    code, status = "db_unavailable", 503
    default = "The database is away for a moment. Nothing you saved is lost. Please try again shortly."


class Busy(Problem):
    """As much of this is under way as the site does at once."""

    code, status = "busy", 503
    default = "Others are doing the same just now, and there is no room for one more. Please try again in a moment."
