"""Whatever is sent to the JSON API, it answers as its own description says. schemathesis makes it up from that."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.config import SchemathesisConfig
from schemathesis.specs.openapi import checks
from webtest import TestApp

import cr
from cr.security import SESSION_COOKIE
from cr.views.api.document import document
from tests.fixtures.mail import Mailbox
from tests.fixtures.site import Clock, MakeApp
from tests.functional.people import mailed_link, sign_in
from tests.functional.test_api_rules import publish
from tests.functional.test_api_stakeholders import link_to
from tests.functional.test_api_uploads import send

fuzzed = settings(
    max_examples=10,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.filter_too_much],
)

WHOLE_TEXTS = [
    "PUT /api/drafts/me",
    "POST /api/rules",
    "PATCH /api/rules/{id}",
    "POST /api/auth/magic-link/request",
]

CONFIG = {
    "seed": 5,
    # Who asks is up to the test.
    "generation": {"with-security-parameters": False},
    # Every edge of every field of a whole text would be 450 calls for each of these; `test_api_bodies` goes there.
    "operations": [{"include-name": name, "phases": {"coverage": {"enabled": False}}} for name in WHOLE_TEXTS],
}

CHECKS = [
    schemathesis.checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
    checks.response_headers_conformance,
    checks.allow_header_conformance,
    checks.unsupported_method,
]

FILES = "multipart/form-data"

Named = Callable[["World"], str]


class World:
    """People with what they have: whatever a call used up is there again before the next."""

    def __init__(self, app: Any, smtp: Mailbox, clock: Clock) -> None:
        self._app, self._smtp, self._clock = app, smtp, clock
        self.people: dict[str, TestApp] = {}
        self.things: dict[str, str] = {}

    def wait(self) -> None:
        self._clock.advance(timedelta(minutes=2))

    def person(self, name: str) -> TestApp:
        person = self.people.get(name)
        if person is None or person.get("/api/auth/session").json["user"] is None:
            self.wait()
            person = self.people[name] = sign_in(self._app, self._smtp, f"{name}@example.org")
        return person

    def rule(self, owner: str) -> str:
        found = self.things.get(f"rule of {owner}")
        answer = found and self.person(owner).get(f"/api/rules/{found}", expect_errors=True)
        if not answer or answer.status_int != 200 or not answer.json["viewerIsOwner"]:
            found = self.things[f"rule of {owner}"] = publish(self.person(owner))
        assert found is not None
        return found

    def upload(self) -> str:
        if "upload" not in self.things:
            self.things["upload"] = send(self.person("ada")).json["id"]
        return self.things["upload"]

    def stakeholder(self) -> str:
        """Of the rule of ada."""
        path = f"/api/rules/{self.rule('ada')}/stakeholders"
        invited = self.person("ada").get(path).json["stakeholders"]
        if not invited:
            self.wait()
            invited = [self.person("ada").post_json(path, {"email": "cy@example.org"}).json["stakeholder"]]
        found: str = invited[0]["id"]
        return found

    def invitation(self) -> str:
        self.stakeholder()
        return link_to(self._app, self._smtp, "cy@example.org").partition("token=")[2]

    def change_of_address(self) -> str:
        self.wait()
        self.person("ada").post_json("/api/user/email-change/request", {"newEmail": "ada@new.example.org"})
        return mailed_link(self._smtp).partition("token=")[2]

    def link(self) -> str:
        self.wait()
        TestApp(self._app).post_json("/api/auth/magic-link/request", {"email": "cy@example.org"})
        return mailed_link(self._smtp).partition("token=")[2]


VALUES: dict[tuple[str, str], dict[str, Named]] = {
    ("/api/rules/{id}", "id"): {
        "rule-of-ada": lambda world: world.rule("ada"),
        "rule-of-bo": lambda world: world.rule("bo"),
    },
    ("/api/rules/{id}/stakeholders", "sid"): {"stakeholder": World.stakeholder},
    ("/api/templates/{slug}", "slug"): {"consensus": lambda world: "consensus"},
    ("/api/uploads/{id}", "id"): {"picture": World.upload},
    ("/api/use-cases/{slug}", "slug"): {"ternfield": lambda world: "ternfield"},
    ("/api/auth/magic-link/verify", "token"): {"mailed": World.link},
    ("/api/invites/rule-stakeholder/verify", "token"): {"mailed": World.invitation},
    ("/api/user/email-change/verify", "token"): {"mailed": World.change_of_address},
}
"""By the beginning of a path and the name of a parameter: words that stand for what there is in the world."""

UNKNOWN = str(UUID(int=7))


def named(path: str, parameter: str) -> dict[str, Named]:
    return next((words for (begin, name), words in VALUES.items() if path.startswith(begin) and name == parameter), {})


@pytest.fixture
def app(make_app: MakeApp) -> Any:
    """The site, with an inbox for questions."""
    return make_app(ORGANIZER_INQUIRY_TO="organizers@example.org")


@pytest.fixture
def world(app: Any, smtp: Mailbox, clock: Clock) -> World:
    return World(app, smtp, clock)


def api() -> Any:
    """The description, told what there is to ask for. Made without a database: pytest wants to know what to run."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("SESSION_SECRET", "a secret that only tests know")
        environment.delenv("CLOUDRON_POSTGRESQL_URL", raising=False)
        described = document(cr.main({}).registry)
    for path, operations in described["paths"].items():
        for operation in operations.values():
            for parameter in operation["parameters"]:
                if words := named(path, parameter["name"]):
                    parameter["schema"] = {"enum": [*words, UNKNOWN]}
    return schemathesis.openapi.from_dict(described, config=SchemathesisConfig.from_dict(CONFIG))


FOR_PAGES = {
    "POST /api/auth/magic-link/verify",
    "POST /api/invites/rule-stakeholder/verify",
    "POST /api/user/email-change/verify",
}
"""Forms of our own pages, whose token nobody can make up."""


@pytest.fixture
def statuses() -> Iterator[dict[str, set[int]]]:
    """Those of each operation: a good one has to be among them, or nothing has come past the first checks."""
    met: dict[str, set[int]] = {}
    yield met
    for operation, given in met.items():
        assert min(given) < 400 or operation in FOR_PAGES, f"{operation} only answered {sorted(given)}"


@api().parametrize()
@fuzzed
def test_answers_are_as_described(case: Any, server: str, world: World, statuses: dict[str, set[int]]) -> None:
    for values in (case.path_parameters, case.query):
        for name, word in (values or {}).items():
            meant = named(case.operation.path, name).get(word) if isinstance(word, str) else None
            if meant:
                values[name] = meant(world)
    # A form with files is refused elsewhere before anything looks at the method.
    passed_over = [checks.unsupported_method] if case.media_type == FILES else None
    met = statuses.setdefault(case.operation.label, set())
    # Once nobody was told to sign in, there is nothing more to learn for them.
    for cookies in (world.person("ada").cookies, *([] if 401 in met else [{}])):
        case.cookies = {name: value for name, value in cookies.items() if name == SESSION_COOKIE}
        # How often something may be done is tried elsewhere; here calls shall get past that.
        world.wait()
        answer = case.call_and_validate(server, checks=CHECKS, excluded_checks=passed_over, allow_redirects=False)
        met.add(answer.status_code)
