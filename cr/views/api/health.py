"""Is the site well? Asked by Cloudron every few seconds."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from pyramid.view import view_config

from cr.resources.api import Api


@view_config(context=Api, name="health", renderer="json", request_method="GET")
def health(request: Any) -> dict[str, Any]:
    """Asks the database itself, apart from the request's transaction."""
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
