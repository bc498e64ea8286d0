"""What every step of the flow shares: which steps there are, which of them have an answer, where Continue leads."""

from __future__ import annotations

from typing import Any

from pyramid.httpexceptions import HTTPSeeOther
from pyramid.renderers import render_to_response
from pyramid.response import Response

from cr import uploads
from cr.catalog.facets import KIND, MATURITY, SCALE, SIZE
from cr.catalog.sections import VALUES
from cr.errors import NotFound, ValidationProblem
from cr.events.draft import Clashes
from cr.events.payload import STEP, Payload
from cr.resources.create import (
    BY_STEP,
    STEPS,
    Choice,
    CommunityContext,
    CommunityName,
    CommunitySave,
    CommunitySize,
    CommunityStructure,
    CommunityUpload,
    Completed,
    ConfirmStakeholders,
    CoreValues,
    FinalReview,
    Informational,
    Methods,
    Review,
    Step,
)
from cr.times import iso_z
from cr.views.create.work import Work, open_work
from cr.views.forms import Form, both_texts, shown_text
from cr.views.organizers import saved_since

PARTS: tuple[tuple[str, tuple[type[Step], ...]], ...] = (
    (
        "Your community",
        (
            CommunityName,
            CommunityStructure,
            CommunityContext,
            CommunitySize,
            CommunityUpload,
            CommunitySave,
            Review,
        ),
    ),
    ("Your rule", tuple(step for step in STEPS if issubclass(step, CoreValues | Methods))),
    ("Publish it", (ConfirmStakeholders, FinalReview)),
)
"""The list of steps as people see it. Before it comes the introduction, after it the published rule."""

KEYS = {
    CommunityName: ("title",),
    CommunityStructure: (KIND.key, SCALE.key, MATURITY.key),
    CommunityContext: ("communityContext", "summary"),
    CommunitySize: (SIZE.key,),
    CommunityUpload: ("communityAvatarUrl",),
    CoreValues: (VALUES.selected,),
}
"""Where the payload keeps the answers of a step."""


def answered(step: type[Step], work: Work) -> bool:
    """Whether the step has an answer. Those that only look back or ahead have none of their own."""
    if step is ConfirmStakeholders:
        return bool(work.emails)
    if step is CommunitySave:
        return work.draft is not None
    if issubclass(step, Methods):
        return bool(work.payload.get(step.section.selected))
    return any(work.payload.get(key) for key in KEYS.get(step, ()))


def place(payload: Payload) -> type[Step]:
    """Where somebody stopped; for a text that came without its place, the step behind its last answer."""
    given = payload.get(STEP)
    if isinstance(given, str) and given in BY_STEP and given != Completed.key:
        return BY_STEP[given]
    last = 0
    for number, step in enumerate(STEPS):
        keys = (step.section.selected,) if issubclass(step, Methods) else KEYS.get(step, ())
        if any(payload.get(key) for key in keys):
            last = number + 1
    return STEPS[last]


class StepViews:
    """A view of one step. `self.work` is what it reads and writes."""

    def __init__(self, context: Any, request: Any) -> None:
        self.context = context
        self.step: Step = context.step if isinstance(context, Choice) else context
        self.request = request
        self.work = open_work(request)
        draft = self.work.draft
        if draft is not None and draft.status == "discarded":
            raise NotFound("This draft was discarded.")
        looking = request.method in ("GET", "HEAD") and not isinstance(self.step, Completed)
        if draft is not None and draft.status == "published" and looking:
            raise HTTPSeeOther(self.url(Completed))

    @property
    def files(self) -> str:
        """Whether files can be attached: "yes", "sign-in" for who has to sign in first, "no" on this site."""
        if not uploads.available(self.request):
            return "no"
        return "yes" if self.request.identity else "sign-in"

    # --- Addresses ----------------------------------------------------------------------------------------------------

    def url(self, step: type[Step] | str, *more: str, anchor: str | None = None, **query: str) -> str:
        """The address of a step for this work, or of what is below it."""
        key = step if isinstance(step, str) else step.key
        options: dict[str, Any] = {"anchor": anchor} if anchor else {}
        path: str = self.request.resource_path(
            self.request.root["create"], key, *more, query={**self.work.query, **query}, **options
        )
        return path

    @property
    def here(self) -> str:
        """The address of this page, with where to go from it."""
        names = [str(self.context.__name__)] if isinstance(self.context, Choice) else []
        return self.url(type(self.step), *names, **self._then())

    def _then(self) -> dict[str, str]:
        return {"then": self.then.key} if self.then else {}

    @property
    def then(self) -> type[Step] | None:
        """Where Continue leads, when this page was opened by a "Change" elsewhere."""
        given = self.request.POST.get("then") or self.request.GET.get("then") or ""
        return BY_STEP.get(given) if given not in (Completed.key, self.step.key) else None

    @property
    def steps(self) -> list[type[Step]]:
        """The steps that this person takes.

        Signed in, they need not be told how to keep their work; the stakeholders of a published rule are there already,
        and those of a new one are for the owner of the draft to invite.
        """
        left_out: set[type[Step]] = set()
        if self.request.identity is not None:
            left_out.add(CommunitySave)
        if self.work.draft is not None and (self.work.draft.rule is not None or not self.work.mine):
            left_out.add(ConfirmStakeholders)
        return [step for step in STEPS if step not in left_out]

    @property
    def next_step(self) -> type[Step]:
        return self.then or self._neighbour(1)

    def _neighbour(self, by: int) -> type[Step]:
        number = STEPS.index(type(self.step)) + by
        if not 0 <= number < len(STEPS):
            return type(self.step)
        step = STEPS[number]
        return step if step in self.steps else STEPS[number + by]

    def go_on(self) -> HTTPSeeOther:
        return HTTPSeeOther(self.url(self.next_step))

    # --- Pages --------------------------------------------------------------------------------------------------------

    def page(self, **more: Any) -> dict[str, Any]:
        """The context of every page of the flow."""
        work, steps = self.work, self.steps
        ends = isinstance(self.step, Informational | Completed)
        back = type(self.step) if isinstance(self.context, Choice) else self._back
        counted = [step for step in steps if step not in (Informational, Completed)]
        here = type(self.step)
        return {
            "step": {
                "key": here.key,
                "title": here.title,
                "number": counted.index(here) + 1 if here in counted else None,
                "count": len(counted),
                "action": self.here,
            },
            "list": [
                {
                    "name": name,
                    "steps": [
                        {
                            "title": step.title,
                            "url": self.url(step),
                            "here": step is here,
                            "done": answered(step, work),
                        }
                        for step in part
                        if step in steps
                    ],
                }
                for name, part in PARTS
                if here is not Completed
            ],
            "back": None if ends else {"url": self._back_url(back), "text": back.title},
            "work": {
                "title": work.title,
                "saved_at": work.saved_at,
                "moved": work.moved,
                "expires_at": getattr(getattr(work, "guest", None), "expires_at", None),
                "save_url": self.url(CommunitySave, then=here.key),
                "whole_url": self.request.resource_path(self.request.root, "drafts", *work.query.values())
                if work.query
                else None,
            },
            "hidden": self.hidden(),
            "errors": {},
            "error": None,
            **more,
        }

    @property
    def _back(self) -> type[Step]:
        """Where a "Change" was pressed, else the step before. Who begins with a text that is there already gives it a
        name first, and has not been further yet.
        """
        begins = (
            isinstance(self.step, CommunityName)
            and not self.work.title
            and self.work.payload.get(STEP) == self.step.key
        )
        return self._neighbour(-1) if begins or self.then is None else self.then

    def _back_url(self, back: type[Step]) -> str:
        return self.url(back, **self._then()) if isinstance(self.context, Choice) else self.url(back)

    def hidden(self) -> dict[str, str]:
        """What every form of the flow carries, beside its token."""
        return {"version": str(self.work.version), **self.work.query, **self._then()}

    def both_texts(self, form: Form, base: Payload, clashes: Clashes, **part: Any) -> Response:
        """The page for two changes that met. All that does not clash is saved before it asks, but for a removal: that
        is what it asks about. `part` overrides what it is told about the page that the form is of.
        """
        if "remove" not in self.request.POST:
            self.work.write(clashes.merged, self.work.version)
        step = type(self.step)
        about = {"name": step.title, "hue": None, "url": self.here, "back_url": self.url(step), "back_text": step.title}
        # It says its version itself.
        hidden = {name: value for name, value in self.hidden().items() if name != "version"}
        met = Clashes(clashes.clashes, clashes.merged, self.work)
        by = saved_since(self.request, self.work.draft, self.work.seen())
        return both_texts(self.request, form, base, met, part=about | part, by=by, hidden=hidden)

    def again(self, template: str, status: int = 400, **more: Any) -> Response:
        """The page once more, with what was typed and what is wrong with it; for a script only what is wrong."""
        if self.by_itself:
            errors = more.get("errors", {})
            raise ValidationProblem(more.get("error") or next(iter(errors.values())), fields=errors)
        page, headers = self.page(**more), self.request.response
        response: Response = render_to_response(template, page, request=self.request, response=headers)
        response.status_int = status
        return response

    # --- Saving -------------------------------------------------------------------------------------------------------

    @property
    def by_itself(self) -> bool:
        """Whether a script saves while somebody is typing, and wants to hear how it went rather than another page."""
        return bool(self.request.wants_json)

    def written(self, form: Form, answers: dict[str, list[str]] | None = None, *, together: bool = True) -> Response:
        """The answer to a script: the new version, and what the fields of the form say now where others changed them.

        `answers` are those of the groups of checkboxes. Without `together` the form shows fields that are no more, or
        lacks new ones: then it must go on with the version that it has.
        """
        fields: dict[str, Any] = dict(answers or {})
        for entry in form.entries:
            for each in entry.inputs:
                text = shown_text(each, entry, self.work.payload)
                # What was typed is not written over by what it comes to: "a", a line end, and the next line to come.
                if each.name in form.texts and each.tidied(form.texts[each.name]) != text:
                    fields[each.name] = text
        body = {
            "version": self.work.version,
            "together": together,
            "savedAt": iso_z(self.work.saved_at) if self.work.saved_at else None,
            "draft": self.work.query.get("draft"),
            "fields": fields,
        }
        response: Response = render_to_response("json", body, request=self.request)
        response.headers["Cache-Control"] = "no-store"
        return response
