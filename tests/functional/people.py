"""People who use the site in tests: each has a browser of their own and signs in through a mailed link."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

from webtest import TestApp

from tests.fixtures.mail import Mailbox


def mailed_link(smtp: Mailbox) -> str:
    """The address in the newest mail."""
    text = smtp.messages[-1].get_body(("plain",))
    assert text is not None
    found = re.search(r"https?://\S+", text.get_content())
    assert found is not None
    return found[0]


def form_to(page: Any, path: str) -> Any:
    """The page's form that is sent to `path`."""
    return next(form for form in page.forms.values() if path_of(form.action).rstrip("/") == path.rstrip("/"))


def path_of(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def sign_in(app: Any, smtp: Mailbox, email: str, **environ: str) -> TestApp:
    """A browser in which the owner of `email` is signed in; `environ` as WSGI has it."""
    # Limits are for strangers: each person of a test comes from an address of their own.
    number = sum(map(ord, email)) % 250 + 1
    client = TestApp(app, extra_environ={"REMOTE_ADDR": f"198.51.100.{number}", **environ})
    client.post_json("/api/auth/magic-link/request", {"email": email})
    client.get(path_of(mailed_link(smtp)), status=303)
    assert client.get("/api/auth/session").json["user"]["email"] == email
    return client
