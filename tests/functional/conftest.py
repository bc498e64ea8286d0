"""The people of every test over HTTP."""

from __future__ import annotations

from typing import Any

import pytest
from webtest import TestApp

from tests.fixtures.mail import Mailbox
from tests.functional.people import sign_in


@pytest.fixture
def ada(app: Any, smtp: Mailbox) -> TestApp:
    return sign_in(app, smtp, "ada@example.org")


@pytest.fixture
def bo(app: Any, smtp: Mailbox) -> TestApp:
    return sign_in(app, smtp, "bo@example.org")


@pytest.fixture(params=["guest", "ada"])
def somebody(request: pytest.FixtureRequest) -> TestApp:
    """Who takes the guided flow: once without having signed in, and once signed in."""
    person: TestApp = request.getfixturevalue("client" if request.param == "guest" else "ada")
    return person
