"""What visitors of the guided flow do in a browser, for tests that begin somewhere in the middle of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.fixtures.mail import Mailbox
from tests.functional.people import mailed_link

OWN = "00000000-0000-4000-8000-000000000001"
"""The id of a method of the group's own."""

PREPARED: dict[str, Any] = {
    "title": "Elm Street Bakery",
    "summary": "A bakery of nine people who share the work and the money.",
    "communityContext": "We bake bread and decide together.",
    "selectedOrganizationTypeIds": ["workersCoop"],
    "selectedScaleIds": ["local"],
    "selectedMaturityIds": ["established"],
    "selectedCommunitySizeIds": ["sixToTwelve"],
    "selectedCoreValueIds": ["22", "17"],
    "coreValueDetailsByChipId": {
        "22": {"label": "Candour", "meaning": "We say it early."},
        "17": {"label": "Care", "meaning": "Nobody works alone."},
    },
    "selectedDecisionApproachIds": ["lazy-consensus", OWN, "sociocracy"],
    "customMethodCardMetaById": {
        OWN: {"label": "Two loaves", "supportText": "Two bakers agree before the oven is on."}
    },
    "decisionApproachDetailsById": {"lazy-consensus": {"corePrinciple": "Silence is a yes.", "consensusLevel": 90}},
    "customMethodCardFieldBlocksById": {
        OWN: [
            {"kind": "text", "id": "b1", "blockTitle": "At night", "placeholderText": "Whoever is there decides."},
            {"kind": "badges", "id": "b2", "blockTitle": "Who is asked", "options": ["Bakers", "Drivers"]},
            {"kind": "proportion", "id": "b3", "blockTitle": "Enough", "defaultPercent": 66},
        ]
    },
}
"""A draft with something of everything but files."""


@contextmanager
def window(browser: Browser, server: str, **options: Any) -> Iterator[Page]:
    """A browser of somebody's own. An error in a script, or what the security policy refuses, fails the test."""
    complaints: list[str] = []
    with browser.new_context(base_url=server, reduced_motion="reduce", **options) as context:
        listen(context, complaints)
        yield context.new_page()
    assert complaints == []


def listen(context: BrowserContext, complaints: list[str]) -> None:
    context.on("weberror", lambda error: complaints.append(str(error.error)))
    # What the server refused is seen on the page; the browser tells it here too.
    context.on(
        "console",
        lambda message: (
            complaints.append(message.text)
            if message.type == "error" and not message.text.startswith("Failed to load resource")
            else None
        ),
    )


def signed_in(page: Page, smtp: Mailbox, email: str = "ada@example.org") -> None:
    answer = page.request.post("/api/auth/magic-link/request", data={"email": email})
    assert answer.ok, answer.text()
    page.goto(mailed_link(smtp))


def prepare(page: Page, payload: dict[str, Any], **more: Any) -> None:
    """Make this the text of the draft of the person who is signed in."""
    assert page.request.put("/api/drafts/me", data={"payload": {**payload, **more}}).ok


def press(page: Page, name: str) -> None:
    """A button by its name, of which there may be a second one that only the Enter key finds."""
    page.get_by_role("button", name=name, exact=True).click()


def go_on(page: Page, heading: str) -> None:
    """Continue, and be at the next question."""
    press(page, "Continue")
    at(page, heading)


def at(page: Page, heading: str) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text(heading)
