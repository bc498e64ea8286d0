"""Community Rule: write down how your community governs itself, change it together, show later how it came to be."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyramid.request import Request

__version__ = "1.0.0"


def main(global_config: dict[str, str], **ini: str) -> Any:
    """The WSGI application; `ini` is the [app:main] section. The list of includes is the table of contents."""
    # Here and not above: `cr-replay` starts without a web server's libraries.
    from pyramid.config import Configurator

    from cr.page_cache.layer import Layer
    from cr.settings import Settings

    settings = Settings.from_environment(os.environ, production=ini.get("cr.production") == "true")
    config = Configurator(
        settings={
            **ini,
            "tm.manager_hook": "pyramid_tm.explicit_manager",
            "retry.attempts": 3,
        },
        root_factory="cr.resources.root_factory",
    )
    config.registry["cr.settings"] = settings
    config.registry["cr.clock"] = lambda: datetime.now(UTC)
    config.add_request_method(lambda request: request.registry["cr.settings"], "settings", reify=True)
    config.add_request_method(lambda request: request.registry["cr.clock"](), "now", reify=True)
    config.add_request_method(is_api, "is_api", reify=True)
    config.add_request_method(wants_json, "wants_json", reify=True)

    config.include("pyramid_retry")
    config.include("pyramid_tm")
    config.include("cr.db")
    config.include("cr.page_cache")
    config.include("cr.events.application")
    config.include("cr.projections.rebuild")
    config.include("cr.multipart")
    config.include("cr.security")
    config.include("cr.accounts")
    config.include("cr.catalog.use_cases")
    config.include("cr.mail")
    config.include("cr.limits")
    config.include("cr.pages")
    config.include("cr.views")
    config.include("cr.proxy")
    return Layer(config.make_wsgi_app())


def is_api(request: Request) -> bool:
    """Whether the asker wants JSON: all at /api and below, but for the links that people open from their mail."""
    # Not request.path_info, which raises for an address that is no UTF-8: its refusal must still be JSON below /api.
    path: str = request.environ.get("PATH_INFO", "")
    return (path == "/api" or path.startswith("/api/")) and not path.endswith("/verify")


def wants_json(request: Request) -> bool:
    """Whether the answer, a refusal too, is read by a program: below /api, and where a script of our pages saves."""
    return bool(request.is_api) or request.headers.get("Accept") == "application/json"
