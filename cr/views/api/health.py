"""Is the site well? Asked by Cloudron every few seconds."""

from __future__ import annotations

from typing import Any, Literal

import sqlalchemy as sa
from pyramid.view import view_config
from typing_extensions import TypedDict

from cr.resources.api import Api
from cr.views.api.operations import Operation


class Connected(TypedDict):
    """The site and its database are well."""

    ok: Literal[True]
    database: Literal["connected"]


class Disconnected(TypedDict):
    """The database is away."""

    ok: Literal[False]
    database: Literal["disconnected"]


@view_config(
    context=Api,
    name="health",
    request_method="GET",
    renderer="json",
    api=Operation(answer=Connected, also={503: Disconnected}),
)
def health(request: Any) -> Connected | Disconnected:
    """Say whether the site is well.

    The database is asked each time. Without one the answer is 503, which is no error of the site itself.
    """
    # Apart from the request's transaction.
    engine = request.registry["cr.engine"]
    try:
        if engine is not None:
            with engine.connect() as connection:
                connection.execute(sa.select(1))
            return {"ok": True, "database": "connected"}
    except sa.exc.SQLAlchemyError:
        # The answer says it; a stack trace every few seconds would drown the log that explains why.
        pass
    request.response.status_int = 503
    return {"ok": False, "database": "disconnected"}
