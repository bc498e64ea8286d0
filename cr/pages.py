"""What every page template can use: links, files with a name that changes with their content, dates in words."""

from __future__ import annotations

import hashlib
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import Any

from pyramid.events import BeforeRender
from pyramid.static import static_view

from cr.resources import root_factory
from cr.resources.root import Root

STATIC = Path(__file__).parent / "static"


def day(moment: datetime | date) -> str:
    """12 March 2026"""
    return f"{moment.day} {moment:%B %Y}"


def minute(moment: datetime) -> str:
    """12:04, in UTC"""
    return f"{moment.astimezone(UTC):%H:%M}"


def iso(moment: datetime | date) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds") if isinstance(moment, datetime) else moment.isoformat()


@cache
def _fingerprint(name: str, changed: int) -> str:
    return hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:10]


def asset(name: str) -> str:
    """The address of a file of `cr/static`; browsers keep it until its content, and so its address, changes."""
    return f"/static/{name}?v={_fingerprint(name, (STATIC / name).stat().st_mtime_ns)}"


class Urls:
    """Links that every page has. Paths only, so that a kept page is right under every name of the site.

    `origin` goes before a path that people are to quote or to send on.
    """

    def __init__(self, request: Any) -> None:
        root = root_factory(request)
        self.origin = request.settings.app_origin or request.host_url
        self.home = request.resource_path(root)
        self.login = request.resource_path(root, "login")
        self.logout = request.resource_path(root, "logout")
        self.drafts = request.resource_path(root, "drafts")
        self.profile = request.resource_path(root, "profile")
        self.account = request.resource_path(root, "profile", "account")
        self.rules = request.resource_path(root, "rules")
        self.create = request.resource_path(root, "create")
        self.templates = request.resource_path(root, "templates")
        self.api = request.resource_path(root, "api", "docs")
        self.use_cases = request.resource_path(root, "use-cases")
        self.how_it_works = request.resource_path(root, "how-it-works")
        self.learn = request.resource_path(root, "learn")
        self.about = request.resource_path(root, "about")
        self.legacy_archive = request.resource_path(root, "legacy-archive")
        self.api = request.resource_path(root, "api", "docs")
        # None where nobody reads it.
        self.ask = request.resource_path(root, "learn", "ask") if request.settings.organizer_inquiry_to else None


def add_page_globals(event: BeforeRender) -> None:
    request = event.get("request")
    if request is None or event["renderer_name"] == "json":
        return
    event["urls"] = request.urls
    event["csrf_field"] = request.csrf_field


def includeme(config: Any) -> None:
    config.include("pyramid_jinja2")
    config.add_settings(
        {
            "jinja2.filters": {"day": day, "minute": minute, "iso": iso},
            "jinja2.globals": {"asset": asset},
            "jinja2.trim_blocks": "true",
            "jinja2.lstrip_blocks": "true",
        }
    )
    config.add_request_method(Urls, "urls", reify=True)
    config.commit()
    config.add_jinja2_renderer(".jinja2")
    config.add_subscriber(add_page_globals, BeforeRender)
    config.add_view(static_view(str(STATIC), use_subpath=True, cache_max_age=31536000), context=Root, name="static")
