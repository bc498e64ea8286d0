"""A person changes their address on one device, and is signed out on the other, with scripts and without."""

from __future__ import annotations

from datetime import timedelta

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.test_organizers import sound
from tests.browser.visitors import at, press, signed_in, window
from tests.fixtures.mail import Mailbox
from tests.fixtures.site import Clock
from tests.functional.people import mailed_link

PHONE = {
    "user_agent": "Mozilla/5.0 (Android 15; Mobile; rv:140.0) Gecko/140.0 Firefox/140.0",
    "viewport": {"width": 390, "height": 844},
    "extra_http_headers": {"X-Forwarded-For": "198.51.100.7"},
}


@pytest.mark.parametrize("javascript", [True, False], ids=["with JavaScript", "without JavaScript"])
def test_another_address_and_one_device_less(
    browser: Browser, server: str, smtp: Mailbox, clock: Clock, javascript: bool
) -> None:
    with (
        window(browser, server, java_script_enabled=javascript, color_scheme="dark") as laptop,
        window(browser, server, java_script_enabled=javascript, **PHONE) as phone,
    ):
        signed_in(laptop, smtp)
        clock.advance(timedelta(minutes=1))
        signed_in(phone, smtp)
        phone.goto("/profile")
        sound(phone, "Profile", javascript)

        laptop.get_by_role("link", name="Profile").click()
        laptop.get_by_role("link", name="Your account").click()
        sound(laptop, "Your account", javascript)
        expect(laptop.get_by_role("heading", name="Firefox on Android")).to_be_visible()
        laptop.get_by_label("New email address").fill("ada")
        press(laptop, "Mail me a link")
        sound(laptop, "Your account", javascript)
        expect(laptop.get_by_role("alert")).to_be_focused()
        laptop.get_by_label("New email address").fill("ada@new.example.org")
        press(laptop, "Mail me a link")
        sound(laptop, "Look in your mail", javascript)

        # On the phone it is opened first, where it asks.
        phone.goto(mailed_link(smtp))
        sound(phone, "Change your email address?", javascript)
        laptop.goto(mailed_link(smtp))
        sound(laptop, "Profile", javascript)
        expect(laptop.get_by_role("status").first).to_be_focused()
        expect(laptop.get_by_role("status").first).to_contain_text("ada@new.example.org")
        press(phone, "Change my email address")
        at(phone, "Sign in")
