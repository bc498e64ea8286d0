"""Secrets that a browser or a mail carries for us; what we keep of one is a keyed hash.

Every key comes from SESSION_SECRET, so a new secret signs everyone out and voids every mailed link by construction, and
a stolen database opens nothing.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import secrets

RANDOM, MARK = 32, 16
"""Bytes of a token: the secret itself, then the mark by which we know our own."""


class Tokens:
    """Makes, recognises and hashes tokens. `purpose` keeps them apart: a link's token is never a session's."""

    def __init__(self, secret: str) -> None:
        self._secret = secret.encode()

    def make(self, purpose: str) -> str:
        """64 characters that are safe in a URL and in a cookie."""
        random = secrets.token_bytes(RANDOM)
        return base64.urlsafe_b64encode(random + self._mark(purpose, random)).decode()

    def is_ours(self, purpose: str, token: str) -> bool:
        """Whether we made it, ever, under the present secret.

        Nonsense is told from an old token without a look-up, so a row can be erased as soon as it has expired.
        """
        try:
            raw = base64.b64decode(token.encode("ascii"), altchars=b"-_", validate=True)
        except (binascii.Error, UnicodeEncodeError):
            return False
        return len(raw) == RANDOM + MARK and hmac.compare_digest(raw[RANDOM:], self._mark(purpose, raw[:RANDOM]))

    def hash(self, purpose: str, token: str) -> bytes:
        """The 32 bytes to store, or to prove with: HMAC-SHA256 under a key of this purpose's own."""
        return hmac.digest(self.key(purpose), token.encode(), "sha256")

    def key(self, purpose: str) -> bytes:
        return hmac.digest(self._secret, f"cr:{purpose}".encode(), "sha256")

    def _mark(self, purpose: str, random: bytes) -> bytes:
        return hmac.digest(self.key(f"{purpose}:mark"), random, "sha256")[:MARK]
