"""Mail, by real SMTP servers on loopback: what is sent, to whom it is said, and what is refused."""

from __future__ import annotations

import logging
import re
import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword
from pyramid_mailer.interfaces import IMailer
from webtest import TestApp

from cr.mail import compose
from tests.fixtures.mail import Mailbox, free_port
from tests.fixtures.site import Clock, MakeApp

TLS = Path(__file__).parent / "fixtures" / "tls"
CERTIFICATE = TLS / "certificate.pem"

MakeServer = Callable[..., Mailbox]


def ask(app: Any, status: int = 200, **body: Any) -> Any:
    body = {"email": "ada@example.org", **body}
    return TestApp(app).post_json("/api/auth/magic-link/request", body, status=status)


def tls_context() -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(CERTIFICATE, TLS / "key.pem")
    return context


@pytest.fixture
def make_server() -> Iterator[MakeServer]:
    """`make_server(**options of aiosmtpd's Controller)`: another mail server, stopped after the test."""
    with ExitStack() as stack:

        def make(**options: Any) -> Mailbox:
            mailbox = Mailbox()
            controller = Controller(mailbox, hostname=mailbox.host, port=mailbox.port, **options)
            controller.start()
            stack.callback(controller.stop)
            return mailbox

        yield make


def test_a_mail_has_what_mails_need(app: Any, smtp: Mailbox, clock: Clock) -> None:
    ask(app)
    [mail] = smtp.messages
    assert mail["From"] == "Community Rule <hello@example.org>"
    assert mail["To"] == mail["X-Rcpt-To"] == "ada@example.org"
    assert mail["Subject"] == "Your link to sign in to Community Rule"
    assert parsedate_to_datetime(mail["Date"]) == clock.now.replace(microsecond=0)
    assert re.fullmatch(r"<[^<>@\s]+@example\.org>", mail["Message-ID"])
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail.get_content_type() == "text/plain"
    assert "http://localhost/api/auth/magic-link/verify?token=" in mail.get_content()


def test_a_long_mail_arrives_whole(app: Any, smtp: Mailbox) -> None:
    text = "A line of a long mail.\n" * 400 + "ä" * 3000 + "\n.\nEnd\n"
    settings = app.registry["cr.settings"]
    message = compose(settings, "ada@example.org", "Long", text, at=datetime.now(UTC), message_id="<1@example.org>")
    app.registry.getUtility(IMailer).send_immediately(message)
    [mail] = smtp.messages
    body = mail.get_body(("plain",))
    assert body is not None
    assert body.get_content().replace("\r\n", "\n").rstrip("\n") == text.rstrip("\n")


def test_the_mails_own_domain_can_be_named(make_app: MakeApp, smtp: Mailbox) -> None:
    ask(make_app(SMTP_FROM=None, CLOUDRON_MAIL_FROM="app@cloud.example", CLOUDRON_MAIL_DOMAIN="rules.example"))
    [mail] = smtp.messages
    assert mail["From"] == "app@cloud.example"
    assert mail["Message-ID"].endswith("@rules.example>")


@pytest.mark.parametrize("refusal", ["451 Try later", "550 No such person"])
def test_a_refused_mail_is_said_and_undone(
    app: Any, smtp: Mailbox, refusal: str, caplog: pytest.LogCaptureFixture
) -> None:
    smtp.refusal = refusal
    answer = ask(app, status=502)
    assert answer.json["error"]["code"] == "mail_failed"
    assert "ada@" not in caplog.text
    smtp.refusal = None
    ask(app)


def test_no_mail_server_is_no_crash(make_app: MakeApp) -> None:
    app = make_app(CLOUDRON_MAIL_SMTP_PORT=str(free_port()))
    assert ask(app, status=502).json["error"]["code"] == "mail_failed"


def test_without_a_mail_server_a_developer_reads_the_mail_in_the_log(
    make_app: MakeApp, caplog: pytest.LogCaptureFixture
) -> None:
    app = make_app(CLOUDRON_MAIL_SMTP_SERVER=None, SMTP_FROM=None)
    with caplog.at_level(logging.INFO, "cr.mail"):
        ask(app)
    assert re.search(r"^To: ada@example\.org$", caplog.text, re.M)
    assert re.search(r"^http://localhost/api/auth/magic-link/verify\?token=[A-Za-z0-9_-]{64}$", caplog.text, re.M)


@pytest.mark.parametrize("word", ["Café", "Größe", "Жук", "Elm’s"])
def test_a_developer_reads_a_mail_in_any_language(
    make_app: MakeApp, caplog: pytest.LogCaptureFixture, word: str
) -> None:
    app = make_app(CLOUDRON_MAIL_SMTP_SERVER=None, SMTP_FROM=None)
    settings = app.registry["cr.settings"]
    message = compose(settings, "ada@example.org", word, word, at=datetime.now(UTC), message_id="<1@example.org>")
    with caplog.at_level(logging.INFO, "cr.mail"):
        app.registry.getUtility(IMailer).send_immediately(message)
    assert caplog.text.rstrip().endswith(f"Subject: {word}\n\n{word}")


def test_without_a_mail_server_production_says_so(make_app: MakeApp, caplog: pytest.LogCaptureFixture) -> None:
    app = make_app(production=True, CLOUDRON_MAIL_SMTP_SERVER=None)
    assert ask(app, status=502).json["error"]["code"] == "mail_failed"
    assert "CLOUDRON_MAIL_SMTP_SERVER" in caplog.text
    assert "token=" not in caplog.text


class Secured:
    """How a TLS mail server is reached: `options` of the server, `settings` of the site."""

    def __init__(self, port_name: str, **options: Any) -> None:
        self.options = options
        self.port_name = port_name

    def settings(self, server: Mailbox, host: str) -> dict[str, str | None]:
        nothing = {"CLOUDRON_MAIL_SMTP_PORT": None, "CLOUDRON_MAIL_SMTPS_PORT": None}
        return {**nothing, "CLOUDRON_MAIL_SMTP_SERVER": host, self.port_name: str(server.port)}


@pytest.fixture(params=["STARTTLS", "TLS"])
def secured(request: pytest.FixtureRequest) -> Secured:
    if request.param == "TLS":
        return Secured("CLOUDRON_MAIL_SMTPS_PORT", ssl_context=tls_context())
    return Secured("CLOUDRON_MAIL_SMTP_PORT", tls_context=tls_context(), require_starttls=True)


def test_a_certificate_that_nobody_vouches_for_is_refused(
    make_app: MakeApp, make_server: MakeServer, secured: Secured, caplog: pytest.LogCaptureFixture
) -> None:
    server = make_server(**secured.options)
    app = make_app(**secured.settings(server, "localhost"))
    assert ask(app, status=502).json["error"]["code"] == "mail_failed"
    assert server.messages == []
    assert "certificate verify failed" in caplog.text


def test_a_certificate_of_another_name_is_refused(
    make_app: MakeApp, make_server: MakeServer, secured: Secured, caplog: pytest.LogCaptureFixture
) -> None:
    server = make_server(**secured.options)
    app = make_app(**secured.settings(server, "127.0.0.1"), SSL_CERT_FILE=str(CERTIFICATE))
    ask(app, status=502)
    assert server.messages == []
    assert "IP address mismatch" in caplog.text


def test_a_right_certificate_is_taken(make_app: MakeApp, make_server: MakeServer, secured: Secured) -> None:
    server = make_server(**secured.options)
    ask(make_app(**secured.settings(server, "localhost"), SSL_CERT_FILE=str(CERTIFICATE)))
    [mail] = server.messages
    assert mail["To"] == "ada@example.org"


def test_the_site_signs_in_at_the_mail_server(make_app: MakeApp, make_server: MakeServer) -> None:
    seen = []

    def authenticate(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        assert isinstance(data, LoginPassword)
        seen.append((data.login, data.password))
        return AuthResult(success=data.password == b"open sesame", handled=False)

    server = make_server(authenticator=authenticate, auth_require_tls=False)
    settings = {"CLOUDRON_MAIL_SMTP_PORT": str(server.port), "CLOUDRON_MAIL_SMTP_USERNAME": "rules"}
    ask(make_app(**settings, CLOUDRON_MAIL_SMTP_PASSWORD="wrong"), status=502)
    assert server.messages == []
    ask(make_app(**settings, CLOUDRON_MAIL_SMTP_PASSWORD="open sesame"))
    assert len(server.messages) == 1
    assert seen[-1] == (b"rules", b"open sesame")
