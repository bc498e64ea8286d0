"""The owner of a rule invites people, one of them accepts by the mailed link and leaves again.

On a phone in light and at a desk in the dark, axe finds nothing to complain of on any page of it.
"""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.test_accessibility import LONG
from tests.browser.test_organizers import DESK, PHONE, published, sound
from tests.browser.visitors import PREPARED, prepare, press, signed_in, window
from tests.fixtures.mail import Mailbox
from tests.functional.test_api_stakeholders import CY, link_to

FAR = f"{'d' * 60}@{'example-' * 7}garden.example.org"


@pytest.mark.parametrize("look", [PHONE, DESK], ids=["phone", "desk"])
def test_somebody_is_invited_accepts_and_leaves(
    browser: Browser, server: str, app: Any, smtp: Mailbox, look: dict[str, Any]
) -> None:
    title = f"Elm Street {LONG}"
    with window(browser, server, **look) as ada, window(browser, server, **look) as cy:
        signed_in(ada, smtp)
        prepare(ada, PREPARED, title=title)
        rule = published(ada)
        ada.goto(f"{rule}/organizers")
        ada.get_by_role("link", name="See and invite stakeholders").click()
        sound(ada, f"Stakeholders of {title}")
        ada.get_by_label("Email addresses").fill(f"{CY}\nnobody")
        press(ada, "Invite")
        sound(ada, f"Stakeholders of {title}")
        expect(ada.get_by_role("alert")).to_contain_text("“nobody” is no email address.")
        ada.get_by_label("Email addresses").fill(f"{CY}\n{FAR}")
        press(ada, "Invite")
        sound(ada, f"Stakeholders of {title}")
        expect(ada.get_by_role("status")).to_have_text("2 invitations are on their way.")

        cy.goto(link_to(app, smtp, CY))
        sound(cy, f"Be a stakeholder of “{title}”?")
        press(cy, "Accept and sign in")
        sound(cy, title)
        expect(cy.get_by_text("You are a stakeholder of this rule now.")).to_be_visible()
        cy.goto("about:blank")
        cy.goto(rule)
        expect(cy.get_by_text("You are a stakeholder of this rule now.")).to_be_hidden()

        ada.reload()
        expect(ada.get_by_role("listitem").filter(has_text=CY)).to_contain_text("Accepted")
        ada.get_by_role("link", name=f"Remove {FAR}").click()
        sound(ada, f"Remove {FAR}?")
        press(ada, "Remove")
        expect(ada.get_by_role("link", name="Remove")).to_have_count(1)

        cy.goto(f"{rule}/stakeholders/leave")
        sound(cy, f"Leave {title}?")
        press(cy, "Leave")
        sound(cy, "Profile")
        expect(cy.get_by_text("You left the rule.")).to_be_visible()
        ada.reload()
        expect(ada.get_by_text("Nobody is invited yet.")).to_be_visible()
