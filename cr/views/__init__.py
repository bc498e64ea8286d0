"""What each address answers: validate, command, then a page or a redirect. One file per thing a person looks at."""

from __future__ import annotations

from typing import Any


def includeme(config: Any) -> None:
    config.scan("cr.views")
