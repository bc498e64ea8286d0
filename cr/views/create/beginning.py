"""Beginning with a text that is there already: a template's, or a use case's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pyramid.httpexceptions import HTTPSeeOther

from cr.catalog.choosing import without_choices
from cr.events.payload import STEP, Payload
from cr.resources.create import CommunityName, Step
from cr.views.create.work import DraftWork, Work


def begin(
    work: Work, add: Callable[[Payload], dict[str, Any]], *, first: type[Step], again: str, **origin: str
) -> HTTPSeeOther:
    """Into the text at hand, by `add`; on to `first`, or before it to the name where there is none yet.

    The button says where to: `new` into another draft, `replace` in the place of what is chosen. Who replaces must have
    seen all of that, else they are asked once more, at the address `again`.
    """
    request = work.request
    action = request.POST.get("action")
    if action == "new" and request.identity is not None:
        work = DraftWork(request, None, anew=True)
    elif work.seen() != work.version and action == "replace":
        return HTTPSeeOther(again)
    # To the text as it is now, not as the page showed it: what another window wrote meanwhile stays.
    before = without_choices(work.payload) if action == "replace" else work.payload
    step = first if work.title else CommunityName
    work.write({**add(before), STEP: step.key}, work.version, **origin)
    query = {} if step is first else {"then": first.key}
    return HTTPSeeOther(request.resource_path(request.root, "create", step.key, query={**work.query, **query}))
