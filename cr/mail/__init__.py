"""Mail: composing it, and sending it at once. What may wait for the commit goes through `cr.mail.outbox`.

Messages and delivery are pyramid_mailer's; the connection is our own, because the library's accepts any certificate.
Sending is not part of the transaction: `send_now` raises where a mail did not go out, and so rolls everything back.
"""

from __future__ import annotations

import logging
import smtplib
import ssl
import threading
from collections.abc import Iterable
from contextlib import closing, suppress
from datetime import datetime
from email.message import Message as EmailMessage
from email.utils import format_datetime, make_msgid, parseaddr
from ipaddress import ip_address
from typing import Any

from pyramid_mailer.interfaces import IMailer
from pyramid_mailer.mailer import Mailer
from pyramid_mailer.message import Message
from repoze.sendmail.encoding import encode_message

from cr.errors import MailFailed
from cr.settings import Settings

log = logging.getLogger(__name__)

PATIENCE = 10
"""Seconds that the mail server may take for each answer while somebody waits for ours."""


class Smtp:
    """The mail server, as pyramid_mailer's Mailer wants it.

    TLS is used wherever it is offered, and the certificate must be right. A mail, and a password, goes out without TLS
    only inside a private network, as from a Cloudron app to its own box. Raises `MailFailed`.
    """

    def __init__(
        self, host: str, port: int, username: str | None, password: str | None, *, tls: bool, patience: float
    ) -> None:
        """`tls`: speak TLS from the first byte, rather than after STARTTLS. `patience`: seconds for each answer."""
        self.host, self.port, self.tls, self.patience = host, port, tls, patience
        self.username, self.password = username, password

    def send(self, sender: str, recipients: Iterable[str], message: EmailMessage) -> None:
        try:
            server = self._ready()
        except OSError as error:  # smtplib's and ssl's errors are among them
            self._complain(error)
            raise _no_way_in(error) from error
        with closing(server):
            try:
                server.sendmail(sender, list(recipients), _lines_as_sent(encode_message(message)))
            except OSError as error:
                self._complain(error)
                raise _not_taken(error) from error
            # It has the mail. Whatever it answers to a farewell changes nothing, and nobody waits for it.
            with suppress(OSError):
                server.putcmd("QUIT")

    def _complain(self, error: OSError) -> None:
        log.error("The mail server %s:%s did not take a mail: %s", self.host, self.port, _reason(error))

    def _ready(self) -> smtplib.SMTP:
        """A connection on which mails can be sent."""
        # Made for each mail: the certificates that this system trusts may change.
        context = ssl.create_default_context()
        if self.tls:
            server: smtplib.SMTP = smtplib.SMTP_SSL(self.host, self.port, timeout=self.patience, context=context)
        else:
            server = smtplib.SMTP(self.host, self.port, timeout=self.patience)
        try:
            server.ehlo_or_helo_if_needed()
            if not self.tls:
                if server.has_extn("starttls"):
                    server.starttls(context=context)
                    server.ehlo_or_helo_if_needed()
                elif not _is_private(server):
                    raise smtplib.SMTPNotSupportedError("it offers no TLS, and it is not in a private network")
            if self.username and self.password:
                server.login(self.username, self.password)
        except BaseException:
            server.close()
            raise
        return server


def _lines_as_sent(mail: bytes) -> bytes:
    """SMTP's line ends: smtplib sends bytes as they are, and servers take a mail without any for one long line."""
    return b"\r\n".join(mail.splitlines()) + b"\r\n"


def _reason(error: OSError) -> str:
    # These repeat the addresses of people, who have no place in a log.
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return "every recipient refused: " + ", ".join(str(code) for code, _ in error.recipients.values())
    if isinstance(error, smtplib.SMTPSenderRefused | smtplib.SMTPDataError):
        return f"{type(error).__name__} {error.smtp_code}"
    return f"{type(error).__name__}: {error}"


def _no_way_in(error: OSError) -> MailFailed:
    """Why no mail at all can be given to the mail server, as it concerns whoever had one written."""
    if isinstance(error, smtplib.SMTPAuthenticationError):
        reason = "The mail server does not take mail from this site."
    elif isinstance(error, ssl.SSLError | smtplib.SMTPNotSupportedError):
        reason = "There is no safe connection to the mail server."
    else:
        reason = "The mail server can't be reached."
    return MailFailed(reason, everybody=True)


def _not_taken(error: OSError) -> MailFailed:
    """Why it did not take this mail. Another may fare better even where it hung up: some do so on what they dislike."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        if all(_lasts(*said) for said in error.recipients.values()):
            return MailFailed("The address does not take mail.", lasting=True)
        return MailFailed("The mail server can't take mail for this address at the moment.")
    if isinstance(error, smtplib.SMTPDataError):
        if _lasts(error.smtp_code, error.smtp_error):
            return MailFailed("The mail server refused the mail.", lasting=True)
        return MailFailed("The mail server can't take the mail at the moment.")
    if isinstance(error, smtplib.SMTPSenderRefused):
        return MailFailed("The mail server does not take mail from this site.")
    return MailFailed("The mail server broke off.")


def _lasts(code: int, text: bytes | str) -> bool:
    """Whether a refusal is about the address or the mail, and so for good. 5.7 is a policy, which whoever runs the mail
    server or this site can change: nobody's mail must be lost by a wrong setting.
    """
    said = text if isinstance(text, bytes) else text.encode()
    return 500 <= code <= 599 and not said.lstrip().startswith(b"5.7.")


def _is_private(server: smtplib.SMTP) -> bool:
    assert server.sock is not None
    return ip_address(server.sock.getpeername()[0]).is_private


class Terminal:
    """A developer's machine has no mail server: the whole mail, its link included, is printed to the log."""

    def send(self, sender: str, recipients: Iterable[str], message: EmailMessage) -> None:
        text = message.get_payload(decode=True)
        assert isinstance(text, bytes)
        log.info(
            "A mail would go out:\n\nFrom: %s\nTo: %s\nSubject: %s\n\n%s",
            sender,
            ", ".join(recipients),
            message["Subject"],
            text.decode(message.get_content_charset("utf-8")),
        )


class Nowhere:
    """Production without a mail server: nothing that needs a mail can be done."""

    def send(self, sender: str, recipients: Iterable[str], message: EmailMessage) -> None:
        log.error("CLOUDRON_MAIL_SMTP_SERVER is not set: no mail can be sent")
        raise MailFailed("This site has no mail server yet.", everybody=True)


def mailer(settings: Settings, *, patience: float = PATIENCE) -> Mailer:
    return Mailer(smtp_mailer=_transport(settings, patience))


def _transport(settings: Settings, patience: float) -> Smtp | Terminal | Nowhere:
    if not settings.smtp_server:
        return Nowhere() if settings.production else Terminal()
    # TLS from the first byte where that is the only port that was named.
    tls = settings.smtps_port is not None and "smtp_port" not in settings.model_fields_set
    port = settings.smtps_port if tls and settings.smtps_port else settings.smtp_port
    return Smtp(settings.smtp_server, port, settings.smtp_username, settings.smtp_password, tls=tls, patience=patience)


def new_message_id(settings: Settings) -> str:
    return make_msgid(domain=settings.mail_domain or parseaddr(_sender(settings))[1].rpartition("@")[2])


def compose(
    settings: Settings, to: str, subject: str, text: str, *, at: datetime, message_id: str, reply_to: str | None = None
) -> Message:
    """A mail from the site to one person."""
    return Message(
        subject=subject,
        sender=_sender(settings),
        recipients=[to],
        body=text,
        extra_headers={
            "Date": format_datetime(at),
            "Message-ID": message_id,
            # Nobody's holiday notice should answer.
            "Auto-Submitted": "auto-generated",
            **({"Reply-To": reply_to} if reply_to else {}),
        },
    )


def _sender(settings: Settings) -> str:
    return settings.sender or "Community Rule <community-rule@localhost>"


def send_now(request: Any, to: str, subject: str, text: str) -> None:
    """Returns when the mail server has taken the mail. Raises `MailFailed`."""
    settings = request.settings
    message = compose(settings, to, subject, text, at=request.now, message_id=new_message_id(settings))
    request.registry.getUtility(IMailer).send_immediately(message)


def includeme(config: Any) -> None:
    config.registry.registerUtility(mailer(config.registry["cr.settings"]), IMailer)
    config.registry["cr.mail_waits"] = threading.Event()
