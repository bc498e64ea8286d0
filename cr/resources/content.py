"""Pages of prose that we wrote: what the site is, how it works, and guides for groups."""

from __future__ import annotations

from typing import Any, ClassVar

from cr import content
from cr.resources.base import Resource


class ContentPage(Resource):
    """One page; its `piece` is the name of a file in `cr/content/`."""

    piece: ClassVar[str]


class HowItWorks(ContentPage):
    title = "How it works"
    piece = "how-it-works"


class About(ContentPage):
    title = "About"
    piece = "about"


class LegacyArchive(ContentPage):
    title = "The earlier site"
    piece = "legacy-archive"


class Guide(Resource):
    """One of the guides, by its `slug`."""

    def __init__(self, request: Any, slug: str) -> None:
        super().__init__(request)
        self.slug = slug


class Learn(Resource):
    title = "Guides"

    def __getitem__(self, name: str) -> Resource:
        if name not in content.GUIDES:
            raise KeyError(name)
        return Guide(self.request, name).placed(name, self)
