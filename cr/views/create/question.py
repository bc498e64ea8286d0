"""The steps that ask about the community: its name, kind, size, and what it does."""

from __future__ import annotations

from typing import Any

from pyramid.httpexceptions import HTTPSeeOther
from pyramid.view import view_config, view_defaults

from cr.catalog.facets import KIND, MATURITY, SCALE, SIZE, Group
from cr.events.draft import Clashes
from cr.events.payload import STEP, Payload
from cr.resources.create import (
    CommunityContext,
    CommunityName,
    CommunitySize,
    CommunityStructure,
    Create,
    Informational,
    Question,
    Step,
)
from cr.views.create.steps import StepViews, place
from cr.views.create.work import open_work
from cr.views.forms import CONTEXT, SUMMARY, TITLE, Entry, Form, Input, read_form

TEMPLATE = "cr:templates/create/question.jinja2"

HEADINGS: dict[type[Step], tuple[str, str]] = {
    CommunityName: ("What is your community called?", "You can change the name later, as often as you like."),
    CommunityStructure: (
        "What kind of community are you?",
        "With this we can say which ways of working suit groups like yours. Leave out what does not fit.",
    ),
    CommunityContext: ("What do you do together?", "It opens your rule. You can leave it out, and write it later."),
    CommunitySize: ("How many people are you?", "What works for six rarely works for sixty. You can leave it out."),
}
"""The question as it is asked, and one sentence of help."""

INPUTS: dict[type[Step], list[Input]] = {CommunityName: [TITLE], CommunityContext: [CONTEXT, SUMMARY]}
GROUPS: dict[type[Step], tuple[Group, ...]] = {CommunityStructure: (KIND, SCALE, MATURITY), CommunitySize: (SIZE,)}


@view_config(context=Create, name="", request_method="GET")
def create(context: Create, request: Any) -> HTTPSeeOther:
    """To the first step, or to where the person stopped."""
    work = open_work(request)
    step = place(work.payload) if work.version else Informational
    return HTTPSeeOther(request.resource_url(context, step.key, query=work.query))


@view_config(context=Informational, request_method="GET", renderer="cr:templates/create/informational.jinja2")
def informational(context: Informational, request: Any) -> dict[str, Any]:
    views = StepViews(context, request)
    stopped = place(views.work.payload) if views.work.version else None
    return views.page(
        start_url=views.url(CommunityName),
        templates_url=request.resource_path(request.root, "templates", query=views.work.query),
        go_on=None if stopped is None else {"title": stopped.title, "url": views.url(stopped)},
    )


@view_defaults(context=Question)
class QuestionViews(StepViews):
    def _form(self) -> Form:
        return Form([Entry("about", "", INPUTS.get(type(self.step), []))])

    def _shown(self, form: Form, payload: Payload, answers: dict[str, list[str]] | None = None) -> dict[str, Any]:
        question, help = HEADINGS[type(self.step)]
        groups = [
            {
                "name": group.name,
                "question": group.question,
                "hint": group.hint,
                "answers": [
                    {
                        "value": answer.value,
                        "label": answer.label,
                        "on": answer.value in (answers or payload).get(group.key, ()),
                    }
                    for answer in group.answers
                ],
            }
            for group in GROUPS.get(type(self.step), ())
        ]
        return {
            "question": question,
            "help": help,
            "fields": form.fields(form.entries[0], payload),
            "groups": groups,
            "errors": form.errors,
        }

    @view_config(request_method="GET", renderer=TEMPLATE)
    def show(self) -> dict[str, Any]:
        return self.page(**self._shown(self._form(), self.work.payload))

    @view_config(request_method="POST")
    def save(self) -> Any:
        version = self.work.seen()
        base = self.work.before(version)
        form = self._form()
        wanted = read_form(form, base, self.request.POST)
        answers = {}
        for group in GROUPS.get(type(self.step), ()):
            given = self.request.POST.getall(group.name)
            ours = [answer.value for answer in group.answers]
            # Answers that came through the API and are none of ours stay.
            other = [answer for answer in base.get(group.key, ()) if answer not in ours]
            answers[group.key] = [answer for answer in ours if answer in given] + other
        wanted |= answers
        if isinstance(self.step, CommunityName) and not wanted.get("title") and not self.by_itself:
            form.errors["title"] = "Write a name. It can be a first idea."
        if form.errors:
            return self.again(TEMPLATE, **self._shown(form, base, answers), hidden=self._seen(version))
        if not self.by_itself:
            wanted[STEP] = self.next_step.key
        try:
            self.work.write(wanted, version)
        except Clashes as clashes:
            if self.by_itself:
                raise
            return self.both_texts(form, base, clashes)
        if self.by_itself:
            return self.written(
                form,
                {
                    group.name: [answer.value for answer in group.answers if answer.value in self._answers(group)]
                    for group in GROUPS.get(type(self.step), ())
                },
            )
        return self.go_on()

    def _answers(self, group: Group) -> list[str]:
        return list(self.work.payload.get(group.key, ()))

    def _seen(self, version: int) -> dict[str, str]:
        return {**self.hidden(), "version": str(version)}
