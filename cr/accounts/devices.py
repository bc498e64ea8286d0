"""What a browser is called beside a session, so that a person can tell their devices apart.

A few words of our own, such as "Firefox on Android", of what the browser says of itself: enough for that, and nothing
by which anybody else could be told apart. Libraries that know every browser there is would keep more than that.
"""

from __future__ import annotations

# The first that is in it counts, for most browsers say also the names of others.
BROWSERS = (
    ("SamsungBrowser/", "Samsung Internet"),
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("Vivaldi/", "Vivaldi"),
    ("FxiOS/", "Firefox"),
    ("Firefox/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("CrOS", "ChromeOS"),
    ("Macintosh", "Mac"),
    ("Linux", "Linux"),
)


def described(user_agent: str | None) -> str | None:
    """Such as "Safari on iPhone"; None for what is no browser that many people use."""
    said = user_agent or ""
    browser, system = (next((name for mark, name in kinds if mark in said), None) for kinds in (BROWSERS, SYSTEMS))
    return f"{browser} on {system}" if browser and system else browser or (f"A browser on {system}" if system else None)
