"""Answers that are the same for everybody and that a client may go on with for a while."""

from __future__ import annotations

import hashlib
from typing import Any

from pyramid.httpexceptions import HTTPNotModified
from pyramid.response import Response

from cr.headers import has_already
from cr.views.api.operations import Other

MAX_AGE = 3600
"""Seconds that a client may go on with what it has; then it asks by the ETag."""

NOT_MODIFIED = Other("What you have is what there is.", headers=("ETag", "Cache-Control"))


def kept(request: Any, body: bytes, media: str) -> Response:
    etag = hashlib.sha256(body).hexdigest()[:32]
    known = has_already(request.environ, etag, None)
    response: Response = HTTPNotModified() if known else Response(body, content_type=media)
    response.etag = etag
    response.headers["Cache-Control"] = f"public, max-age={MAX_AGE}"
    return response
