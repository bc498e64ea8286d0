"""The top of the tree."""

from __future__ import annotations

from cr.resources.api import Api
from cr.resources.base import Resource
from cr.resources.content import About, HowItWorks, Learn, LegacyArchive
from cr.resources.create import Create, Templates
from cr.resources.drafts import Drafts
from cr.resources.profile import Profile
from cr.resources.rules import RulesResource
from cr.resources.use_cases import UseCases


class Login(Resource):
    title = "Sign in"


class Metrics(Resource):
    title = "Figures"


class Root(Resource):
    __name__ = ""
    title = "Community Rule"
    children = {
        "login": Login,
        "create": Create,
        "templates": Templates,
        "drafts": Drafts,
        "profile": Profile,
        "rules": RulesResource,
        "use-cases": UseCases,
        "learn": Learn,
        "how-it-works": HowItWorks,
        "about": About,
        "legacy-archive": LegacyArchive,
        "api": Api,
        "metrics": Metrics,
    }

    def __getitem__(self, name: str) -> Resource:
        if name == "metrics" and self.request.settings.metrics_token is None:
            raise KeyError(name)
        return super().__getitem__(name)
