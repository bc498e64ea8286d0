"""What browsers are called."""

from __future__ import annotations

import pytest

from cr.accounts.devices import described

KIT = "AppleWebKit/537.36 (KHTML, like Gecko)"


@pytest.mark.parametrize(
    ("said", "name"),
    [
        (f"Mozilla/5.0 (Linux; Android 10; K) {KIT} Chrome/139.0.0.0 Mobile Safari/537.36", "Chrome on Android"),
        (f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {KIT} Chrome/139.0.0.0 Safari/537.36", "Chrome on Windows"),
        (f"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) {KIT} Chrome/139.0.0.0 Safari/537.36", "Chrome on ChromeOS"),
        (f"Mozilla/5.0 (Windows NT 10.0) {KIT} Chrome/139.0.0.0 Safari/537.36 Edg/139.0.0.0", "Edge on Windows"),
        (f"Mozilla/5.0 (Macintosh) {KIT} Chrome/139.0.0.0 Safari/537.36 OPR/120.0.0.0", "Opera on Mac"),
        (
            f"Mozilla/5.0 (Linux; Android 10; K) {KIT} SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36",
            "Samsung Internet on Android",
        ),
        ("Mozilla/5.0 (Android 15; Mobile; rv:140.0) Gecko/140.0 Firefox/140.0", "Firefox on Android"),
        ("Mozilla/5.0 (iPad; CPU OS 18_5 like Mac OS X) FxiOS/140.0 Mobile/15E148 Safari/605.1.15", "Firefox on iPad"),
        ("Mozilla/5.0 (iPhone) CriOS/139.0.0.0 Mobile/15E148 Safari/604.1", "Chrome on iPhone"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Version/18.5 Safari/605.1.15", "Safari on Mac"),
        ("Firefox/140.0", "Firefox"),
        ("Lynx (Linux)", "A browser on Linux"),
        ("python-requests/2.32", None),
        ("", None),
        (None, None),
    ],
)
def test_a_few_words_tell_devices_apart(said: str | None, name: str | None) -> None:
    assert described(said) == name
