"""Who writes a rule together, and the page that a link to join them leads to."""

from __future__ import annotations

from typing import Any

from cr.resources.base import Resource


class Organizers(Resource):
    """The organizers of `rule`, for themselves to see and for its owner to change: the rule's own ACL says so."""

    title = "Organizers"

    def __init__(self, request: Any, rule: Any) -> None:
        super().__init__(request)
        self.rule = rule


class Join(Resource):
    """Where somebody who was sent a link becomes an organizer of `rule`."""

    title = "Join"

    def __init__(self, request: Any, rule: Any) -> None:
        super().__init__(request)
        self.rule = rule
