"""Templates: the list of them, and each one to look at and to begin from."""

from __future__ import annotations

from typing import Any

from pyramid.httpexceptions import HTTPSeeOther
from pyramid.view import view_config, view_defaults

from cr.catalog import choosing, store
from cr.catalog.facets import described, fit, reason
from cr.catalog.items import Template
from cr.errors import NotFound
from cr.events.document import composed
from cr.projections.revisions import render
from cr.resources.create import ConfirmStakeholders, CoreValues, TemplateReview, Templates
from cr.views.create.beginning import begin
from cr.views.create.work import open_work
from cr.views.use_cases import listed


@view_config(context=Templates, request_method="GET", renderer="cr:templates/templates.jinja2")
def templates(context: Templates, request: Any) -> dict[str, Any]:
    """Featured ones first; for somebody who has described their community, what suits it first."""
    work = open_work(request)
    wanted = described(work.payload)
    suited = choosing.suited_templates(store.templates(request.dbsession), store.all_methods(request.dbsession), wanted)
    return {
        "templates": [
            {
                "title": template.title,
                "category": template.category,
                "description": template.description,
                "reason": reason(fitting.matched, wanted),
                "url": request.resource_path(
                    request.root, "create", "review-template", template.slug, query=work.query
                ),
            }
            for template, fitting in suited
        ],
        "cases": listed(request),
        "wanted": bool(wanted),
        "structure_url": request.resource_path(request.root, "create", "community-structure", query=work.query),
        "create_url": request.resource_path(request.root, "create", query=work.query),
    }


@view_defaults(context=TemplateReview)
class TemplateViews:
    def __init__(self, context: TemplateReview, request: Any) -> None:
        self.request = request
        self.work = open_work(request)
        found = store.template(request.dbsession, str(context.__name__))
        if found is None:
            raise NotFound("There is no template of that name. Look at the list of templates.")
        self.template: Template = found
        self.url = request.resource_path(context, query=self.work.query)

    @view_config(request_method="GET", renderer="cr:templates/create/template.jinja2")
    def show(self) -> dict[str, Any]:
        template, request = self.template, self.request
        methods, values = self._catalogue()
        document = composed(choosing.template_payload(template, methods, values))
        parts = [methods[named] for named in template.methods if named in methods]
        wanted = described(self.work.payload)
        matched = fit(template, parts, wanted).matched
        has_choices = choosing.has_choices(self.work.payload)
        return {
            "template": template,
            "reason": reason(matched, wanted),
            "body": render(document),
            "action": self.url,
            "has_choices": has_choices,
            "draft_title": self.work.title,
            "anew": has_choices and self.request.identity is not None,
            "hidden": {"version": str(self.work.version), **self.work.query},
            "templates_url": request.resource_path(request.root, "templates", query=self.work.query),
            "errors": {},
            "error": None,
        }

    @view_config(request_method="POST")
    def begin(self) -> HTTPSeeOther:
        """On to the values; with `use` to the stakeholders."""
        methods, values = self._catalogue()
        return begin(
            self.work,
            lambda payload: choosing.add_template(payload, self.template, methods, values),
            first=ConfirmStakeholders if self.request.POST.get("action") == "use" else CoreValues,
            again=self.url,
            source="template",
            of=self.template.slug,
        )

    def _catalogue(self) -> tuple[Any, Any]:
        session = self.request.dbsession
        return store.all_methods(session), {value.id: value for value in store.values(session)}
