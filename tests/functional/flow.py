"""The guided flow as somebody takes it without JavaScript: fill in what the page asks, press a button, look again."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from webtest import TestApp

from cr.projections import ALL
from cr.projections.rebuild import check
from cr.resources.create import STEPS
from tests.functional.people import path_of

KEYS = [step.key for step in STEPS]
CHOICES = [
    "core-values",
    "communication-methods",
    "membership-methods",
    "decision-approaches",
    "conflict-management",
]
QUESTIONS = ["community-name", "community-structure", "community-context", "community-size"]


def filled(page: Any, button: tuple[str, str] | None = None, **texts: Any) -> Any:
    """The page's form that has all these fields and this button, filled in.

    A field may be named by the end of its name, behind a dot or dash; then the last such is meant. A list checks the
    boxes of these values.
    """
    for form in saving(page):
        names = {text: _named(form, text) for text in texts}
        if None in names.values() or (button and not has_button(form, *button)):
            continue
        for text, given in texts.items():
            field = names[text]
            if isinstance(given, list):
                for box in form.fields[field]:
                    box.checked = box._value in given
            else:
                form[field] = given
        return form
    raise AssertionError(f"no form with {list(texts)} and {button}")


def saving(page: Any) -> list[Any]:
    """The page's forms that write something into the rule."""
    return [form for form in page.forms.values() if form.method == "post" and "version" in form.fields]


def _named(form: Any, text: str) -> str | None:
    names = [name for name in form.fields if name and (name == text or name.endswith((f".{text}", f"-{text}")))]
    return text if text in names else names[-1] if names else None


def has_button(form: Any, name: str, value: str) -> bool:
    return any(getattr(field, "_value", None) == value for field in form.fields.get(name, ()))


def press(page: Any, name: str, value: str, *, status: int = 303, **texts: Any) -> Any:
    """Press this button; the page that it leads to, or the answer itself when that is no redirect."""
    answer = filled(page, (name, value), **texts).submit(name, value=value, status=status)
    return answer.follow() if status == 303 else answer


def go_on(page: Any, *, status: int = 303, **texts: Any) -> Any:
    """Press Continue; the page that it leads to, or the answer itself when that is no redirect."""
    form = filled(page, **texts) if texts else saving(page)[-1]  # the one that the step ends with
    button = ("action", "continue") if has_button(form, "action", "continue") else ()
    answer = form.submit(*button[:1], **({"value": button[1]} if button else {}), status=status)
    return answer.follow() if status == 303 else answer


def step_of(page: Any) -> str:
    """The step that the page is of, by its address."""
    return path_of(page.request.url).split("?")[0].removeprefix("/create/")


def heading(page: Any) -> str:
    return str(page.html.h1.text)


def start(client: TestApp, title: str = "Elm Street Garden") -> Any:
    """A flow that has begun: the page behind the name."""
    return go_on(client.get("/create/community-name"), title=title)


def picks(page: Any) -> list[str]:
    """What is chosen, in its order, as a step of choices shows it."""
    return [each.text for each in page.html.select(".picks h3")]


def cards(page: Any) -> list[str]:
    return [each.text for each in page.html.select(".cards h3")]


def errors(page: Any) -> str:
    return " ".join(each.text for each in page.html.select(".errors li, .errors p"))


def payload(client: TestApp) -> dict[str, Any]:
    """The draft that a signed-in person wrote in last."""
    kept: dict[str, Any] = client.get("/api/drafts/me").json["draft"]["payload"]
    return kept


def payload_of_guest(engine: sa.Engine) -> dict[str, Any]:
    """The newest text of the one guest that there is."""
    query = "SELECT payload FROM guests JOIN guest_saves ON guest = id AND guest_saves.version = guests.version"
    with engine.connect() as connection:
        kept: dict[str, Any] = connection.execute(sa.text(query)).scalar_one()
    return kept


def count(engine: sa.Engine, table: str) -> int:
    with engine.connect() as connection:
        return int(connection.execute(sa.text(f"SELECT count(*) FROM {table}")).scalar_one())


def topics(engine: sa.Engine) -> list[str]:
    """What the log says happened, without what says only where somebody is."""
    place = "topic = 'draft.ExtraAnswered' AND state::jsonb ->> 'key' = 'currentStep'"
    query = f"SELECT topic FROM events WHERE NOT ({place}) ORDER BY position"
    with engine.connect() as connection:
        return list(connection.execute(sa.text(query)).scalars())


def unequal(engine: sa.Engine) -> list[Any]:
    """Where the read models are not what the log says."""
    return [each for each in check(engine, ALL) if each.unexplained or each.missing]
