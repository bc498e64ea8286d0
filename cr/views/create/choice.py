"""One value, method or clause of the draft: its words, its field blocks, or a new one of the group's own."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from pyramid.httpexceptions import HTTPSeeOther
from pyramid.view import view_config, view_defaults

from cr import uploads
from cr.catalog import store
from cr.catalog.sections import MORE, VALUES
from cr.errors import NotFound, Problem, Unauthorized
from cr.events.draft import Clashes
from cr.events.payload import BLOCKS, META, Payload, label_of
from cr.multipart import File, file_of
from cr.projections.revisions import own_file
from cr.resources.create import Choice
from cr.views.create.choices import ChoicesBase, is_full, refuse_full
from cr.views.forms import LABEL_MOST, Entry, Form, Input, entry_inputs, read_form, tidy

TEMPLATE = "cr:templates/create/choice.jinja2"

KINDS = {
    "text": "text",
    "badges": "list of options",
    "upload": "file",
    "proportion": "percentage",
}
"""The kinds of field block, and what people call them."""

BLOCKS_MOST = 30
FILES_MOST = 3
"""In one form: a picture takes its time to be made anew."""

NEW_BLOCK = re.compile(r"(text|badges|upload|proportion):([0-9a-f]{12})")


def blank_block(kind: str, identifier: str) -> dict[str, Any]:
    """A field block that says nothing yet."""
    more: dict[str, dict[str, Any]] = {
        "text": {"placeholderText": ""},
        "badges": {"options": []},
        "upload": {},
        "proportion": {"defaultPercent": 50},
    }
    return {"kind": kind, "id": identifier, "blockTitle": "", **more[kind]}


@view_defaults(context=Choice)
class ChoiceViews(ChoicesBase):
    context: Choice

    def __init__(self, context: Choice, request: Any) -> None:
        super().__init__(context, request)
        self.own = context.__name__ == Choice.OWN
        self.id = str(context.__name__)

    # --- The form -----------------------------------------------------------------------------------------------------

    @property
    def has_blocks(self) -> bool:
        """Whether what is written here can have field blocks: methods can."""
        return self.section is not VALUES and self.section is not MORE

    def _is_ours(self, identifier: str) -> bool:
        """Whether it is a method of the catalogue, rather than one of the group's own."""
        return self.has_blocks and store.method(self.request.dbsession, self.section.key, identifier) is not None

    def _form(self, payload: Payload, identifier: str, *, new: bool) -> Form:
        inputs = entry_inputs(self.section, identifier, payload)
        if self.has_blocks and not self._is_ours(identifier):
            details = payload.get(self.section.details, {}).get(identifier, {})
            line = Input(
                f"{identifier}.supportText",
                "In one line",
                (META, identifier, "supportText"),
                hint="What it is, for somebody who is new.",
                maxlength=LABEL_MOST,
            )
            questions = {f"{identifier}.{field.name}" for field in self.section.fields if field.name not in details}
            inputs = [inputs[0], line, *(each for each in inputs[1:] if each.name not in questions)]
        return Form([Entry(identifier, "" if new else label_of(payload, identifier), inputs, new=new)], self.section)

    def _page(self, form: Form, payload: Payload, version: int, **more: Any) -> dict[str, Any]:
        entry = form.entries[0]
        blocks = payload.get(BLOCKS, {}).get(entry.id, []) if self.has_blocks else []
        fields = form.fields(entry, payload)
        prefix = f"{entry.id}.block-"
        return {
            "part": self.section,
            "new": entry.id if entry.new else None,
            "id": entry.id,
            "name": entry.heading,
            "fields": [field for field in fields if not field["name"].startswith(prefix)],
            "blocks": [
                {
                    "id": block["id"],
                    "kind": block["kind"],
                    "noun": KINDS[block["kind"]],
                    "title": block.get("blockTitle", ""),
                    "fields": [field for field in fields if field["name"].startswith(f"{prefix}{block['id']}.")],
                    "file": {"name": block.get("fileName"), "url": own_file(block.get("assetUrl"))},
                    "error": form.errors.get(f"file-{block['id']}"),
                    "new": block.get("new", False),
                }
                for block in blocks
            ],
            "kinds": KINDS if self.has_blocks and len(blocks) < BLOCKS_MOST else {},
            "files": self.files,
            "step_url": self.url(type(self.step), **self._then()),
            "errors": form.errors,
            "hidden": {**self.hidden(), "version": str(version)},
            **more,
        }

    # --- Looking ------------------------------------------------------------------------------------------------------

    @view_config(request_method="GET", renderer=TEMPLATE)
    def show(self) -> Any:
        payload = self.work.payload
        if self.own:
            if self.section is VALUES and is_full(payload):
                return HTTPSeeOther(self.url(type(self.step), anchor="chosen", **self._then()))
            form = self._form(payload, str(uuid4()), new=True)
        else:
            if self.id not in self.chosen:
                raise NotFound("This is not in your rule, or not any more. Go back and choose it.")
            shown = self._with_blank_block(payload, self.request.GET.get("add", ""), uuid4().hex[:12])
            return self.page(**self._page(self._form(shown, self.id, new=False), shown, self.work.version))
        return self.page(**self._page(form, payload, self.work.version))

    def _with_blank_block(self, payload: Payload, kind: str, identifier: str) -> Payload:
        """The payload with one more field block, which is saved when something stands in it."""
        if kind not in KINDS or not self.has_blocks:
            return payload
        result = copy.deepcopy(dict(payload))
        blocks = result.setdefault(BLOCKS, {}).setdefault(self.id, [])
        if len(blocks) < BLOCKS_MOST:
            blocks.append({**blank_block(kind, identifier), "new": True})
        return result

    # --- Saving -------------------------------------------------------------------------------------------------------

    @view_config(request_method="POST")
    def save(self) -> Any:
        posted = self.request.POST
        if not self.own and "remove" in posted:
            return self.dropping(self.id)
        version = self.work.seen()
        base = self.work.before(version)
        identifier = self._new_id() if self.own else self.id
        new = self.own and identifier not in base.get(self.section.selected, ())
        if not self.own and not self._is_known(identifier, base):
            raise NotFound("This is not in your rule any more. What you wrote is below.")
        # Where the other side dropped it, it comes back with all its words.
        new = new or identifier not in base.get(self.section.selected, ())
        with_new = self._with_posted_block(base)
        form = self._form(with_new, identifier, new=new)
        wanted = read_form(form, with_new, posted)
        if (
            new
            and posted.get("action", "").startswith("add-")
            and identifier not in wanted.get(self.section.selected, ())
        ):
            form.errors[f"{identifier}.label"] = "Give it a name first."
        self._name_method(wanted, identifier)
        self._read_blocks(form, base, wanted, identifier)
        if form.errors:
            self.request.tm.doom()  # a file that came with it is chosen once more, and must not be kept twice
            return self.again(TEMPLATE, **self._page(form, with_new, version))
        if self.section is VALUES and new and identifier in wanted.get(VALUES.selected, ()):
            refuse_full(self.work.payload if identifier not in self.chosen else {})
        try:
            self.work.write(wanted, version)
        except Clashes as clashes:
            if self.by_itself:
                raise
            return self.both_texts(form, base, clashes, hue=self.section.hue)
        if self.by_itself:
            now = {block["id"] for block in self.work.payload.get(BLOCKS, {}).get(identifier, ())}
            shown = {block["id"] for block in wanted.get(BLOCKS, {}).get(identifier, ())}
            return self.written(form, together=now == shown)
        return self._answer(identifier)

    def _answer(self, identifier: str) -> HTTPSeeOther:
        step, then = type(self.step), self._then()
        if identifier not in self.chosen:  # a blank form, sent as it was
            return HTTPSeeOther(self.url(step, **then))
        kind = self.request.POST.get("action", "").removeprefix("add-")
        if kind in KINDS:
            return HTTPSeeOther(self.url(step, identifier, anchor="new-block", add=kind, **then))
        if self.request.POST.get("remove-block"):
            return HTTPSeeOther(self.url(step, identifier, anchor="blocks", **then))
        if self.section is MORE:
            return HTTPSeeOther(self.url(step, **then))
        return HTTPSeeOther(self.url(step, anchor="chosen", saved=identifier, **then))

    def _new_id(self) -> str:
        """The id that the blank form had, so that a form sent twice adds one entry."""
        given = self.request.POST.get("new", "")
        return given if re.fullmatch(r"[0-9a-f-]{36}", given) else str(uuid4())

    def _is_known(self, identifier: str, base: Payload) -> bool:
        return identifier in base.get(self.section.selected, ()) or identifier in self.request.POST.getall("new")

    def _with_posted_block(self, base: Payload) -> Payload:
        """The payload with the new field block that the form had; one that says nothing is none."""
        found = NEW_BLOCK.fullmatch(self.request.POST.get("new-block", ""))
        if not found or self.own:
            return base
        kind, block = found[1], found[2]
        if any(each["id"] == block for each in base.get(BLOCKS, {}).get(self.id, ())):
            return base  # saved already while it was being written
        posted = self.request.POST
        prefix = f"{self.id}.block-{block}."
        # A percentage is there from the start, and says nothing without a heading.
        texts = (text for name, text in posted.items() if name.startswith(prefix) and name != f"{prefix}percent")
        if not any(text.strip() for text in texts) and file_of(self.request, f"file-{block}") is None:
            return base
        return self._with_blank_block(base, kind, block)

    def _name_method(self, wanted: dict[str, Any], identifier: str) -> None:
        """A method that another client chose may have no name of its own yet. Beside a line of words it needs one."""
        meta = wanted.get(META, {}).get(identifier)
        if meta and not meta.get("label"):
            meta["label"] = label_of(wanted, identifier)[:LABEL_MOST]

    def _read_blocks(self, form: Form, base: Payload, wanted: dict[str, Any], identifier: str) -> None:
        """Take blocks away, attach files, and see that a new block has a heading, and an old one keeps its own."""
        headless = {block["id"] for block in base.get(BLOCKS, {}).get(identifier, ()) if not block["blockTitle"]}
        blocks: list[dict[str, Any]] = wanted.get(BLOCKS, {}).get(identifier, [])
        if removed := self.request.POST.get("remove-block"):
            blocks[:] = [block for block in blocks if block["id"] != removed]
            for name in [name for name in form.errors if name.startswith(f"{identifier}.block-{removed}.")]:
                del form.errors[name]
        for block in blocks:
            block.pop("new", None)
            name = f"{identifier}.block-{block['id']}.blockTitle"
            emptied = name in form.texts and not form.texts[name] and not block["blockTitle"]
            if emptied and block["id"] not in headless and not file_of(self.request, f"file-{block['id']}"):
                form.errors.setdefault(name, "Give it a heading, or remove it.")
        self._attach_all(form, blocks, identifier)
        if not blocks:
            wanted.get(BLOCKS, {}).pop(identifier, None)

    def _attach_all(self, form: Form, blocks: list[dict[str, Any]], identifier: str) -> None:
        """Last, when nothing else is wrong with the form: a file that is kept belongs to something."""
        files = [
            (block, file)
            for block in blocks
            if block["kind"] == "upload" and (file := file_of(self.request, f"file-{block['id']}"))
        ]
        if len(files) > FILES_MOST:
            form.errors[f"file-{files[FILES_MOST][0]['id']}"] = f"Attach at most {FILES_MOST} files at once."
        for number, (block, file) in enumerate(files):
            if not form.errors:
                self._attach(form, block, file, limited=number == 0)
            if not (form.errors or block["blockTitle"]):
                if not block["fileName"].endswith(".pdf"):
                    form.errors[f"{identifier}.block-{block['id']}.blockTitle"] = "Say what the picture shows."
                block["blockTitle"] = block["fileName"][:200]

    def _attach(self, form: Form, block: dict[str, Any], file: File, *, limited: bool) -> None:
        purpose = uploads.Purpose.CUSTOM_METHOD_ATTACHMENT
        try:
            block |= attached(self.request, purpose, file, limited=limited)
        except Problem as problem:
            if problem.status >= 500:
                raise
            form.errors[f"file-{block['id']}"] = problem.message


ENDINGS = {
    "image/jpeg": ".jpg",
    "image/png": ".png",
    "image/webp": ".webp",
    "application/pdf": ".pdf",
}


def attached(request: Any, purpose: uploads.Purpose, file: File, *, limited: bool = True) -> Mapping[str, str]:
    """Keep a file that came with a form; what a field block says about it. Raises what `cr.uploads.store` raises.

    `limited` is False for the second file of one form.
    """
    if request.identity is None:
        raise Unauthorized("Sign in first, then attach the file.")
    upload = uploads.store(request, purpose, file.stream, request.identity.account_id, limited=limited)
    name = tidy(re.split(r"[/\\]", file.name)[-1])
    # The name says what the file now is, not what it was called before it was made anew.
    stem = name.rpartition(".")[0] or name or "file"
    return {"assetUrl": upload.url, "fileName": stem[:200] + ENDINGS[upload.mime_type]}
