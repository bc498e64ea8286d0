"""What each address answers: validate, command, then a page or a redirect. One file per thing a person looks at."""

from __future__ import annotations

from typing import Any

from pyramid.renderers import JSON


def includeme(config: Any) -> None:
    config.add_renderer("json", JSON(separators=(",", ":"), ensure_ascii=False))
    config.include("cr.views.api.operations")
    config.include("cr.views.changes")
    config.scan("cr.views")
