"""The community's photo, and what it shows in words."""

from __future__ import annotations

from typing import Any

from pyramid.httpexceptions import HTTPSeeOther
from pyramid.view import view_config, view_defaults

from cr import uploads
from cr.errors import Problem
from cr.events.draft import Clashes
from cr.events.payload import STEP, TEXTS
from cr.multipart import file_of
from cr.projections.revisions import own_file
from cr.resources.create import CommunitySave, CommunityUpload
from cr.views.create.choice import attached
from cr.views.create.steps import StepViews
from cr.views.forms import Entry, Form, Input, read_form

TEMPLATE = "cr:templates/create/photo.jinja2"

URL, WORDS = "communityAvatarUrl", "communityAvatarAlt"

ALT = Input(
    WORDS,
    "What does it show?",
    (WORDS,),
    hint="For people who do not see it. For example: Ten neighbours around a long table under trees.",
    maxlength=TEXTS[WORDS],
)


@view_defaults(context=CommunityUpload)
class PhotoViews(StepViews):
    def _form(self) -> Form:
        return Form([Entry("photo", "", [ALT])])

    def _shown(self, form: Form, payload: dict[str, Any]) -> dict[str, Any]:
        return {
            "files": self.files,
            "photo": own_file(payload.get(URL)),
            "fields": form.fields(form.entries[0], payload),
            "errors": form.errors,
            "save_url": self.url(CommunitySave, then=self.step.key),
        }

    @view_config(request_method="GET", renderer=TEMPLATE)
    def show(self) -> dict[str, Any]:
        return self.page(**self._shown(self._form(), self.work.payload))

    @view_config(request_method="POST")
    def save(self) -> Any:
        posted = self.request.POST
        version = self.work.seen()
        base = self.work.before(version)
        form = self._form()
        wanted = read_form(form, base, posted)
        file = file_of(self.request, "photo")
        if "remove" in posted:
            wanted.pop(URL, None)
            wanted.pop(WORDS, None)
        elif file and not form.errors:
            try:
                url = attached(self.request, uploads.Purpose.COMMUNITY_AVATAR, file)["assetUrl"]
            except Problem as problem:
                if problem.status >= 500:
                    raise
                form.errors["photo"] = problem.message
            else:
                # Of two photos the one that came last is there; the other is in the history.
                self.work.write({**self.work.payload, URL: url}, self.work.version)
                wanted[URL] = url
        if form.errors:
            return self.again(TEMPLATE, **self._shown(form, base), hidden={**self.hidden(), "version": str(version)})
        stay = "remove" in posted or posted.get("action") == "upload"
        if not (self.by_itself or stay):
            wanted[STEP] = self.next_step.key
        try:
            self.work.write(wanted, version)
        except Clashes as clashes:
            if self.by_itself:
                raise
            return self.both_texts(form, base, clashes)
        if self.by_itself:
            return self.written(form)
        return HTTPSeeOther(self.here) if stay else self.go_on()
