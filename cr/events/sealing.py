"""How an event that holds people's words stands in the log: all but actor and time is sealed with its draft's own key.

    {"actor":"...","at":"...","sealed":"<base64 of nonce and ciphertext>"}

AES-256-GCM. What is in clear, and whose event of which number and kind it is, is authenticated with the rest, so that a
sealed text can neither be changed nor moved to another row.
"""

from __future__ import annotations

from binascii import a2b_base64, b2a_base64
from os import urandom
from typing import NamedTuple
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

MARK = ',"sealed":"'
NONCE = 12
"""Bytes, as GCM wants them; by chance, for a number that was given to an event is given again after a rollback."""


class Place(NamedTuple):
    """Of an event in the log."""

    originator_id: UUID
    originator_version: int
    topic: str


class Box(NamedTuple):
    """A sealed state: its beginning, which is in clear, and the rest."""

    clear: str
    sealed: str


def new_key() -> bytes:
    return AESGCM.generate_key(256)


def seal(key: bytes, place: Place, clear: str, text: bytes) -> str:
    """The state of an event. `clear` and `text` are JSON objects, of which the second must not be seen."""
    beginning, nonce = clear[:-1], urandom(NONCE)
    sealed = nonce + AESGCM(key).encrypt(nonce, text[1:], _bound(place, beginning))
    return f'{beginning}{MARK}{b2a_base64(sealed, newline=False).decode()}"}}'


def boxed(state: str) -> Box | None:
    """None where the state is in clear, as that of events from before there were keys.

    A field of that name deeper down is followed by more than one brace, and no other stands in an event.
    """
    clear, mark, rest = state.partition(MARK)
    return Box(clear, rest[:-2]) if mark and rest.endswith('"}') and '"' not in rest[:-2] else None


def unsealed(key: bytes, place: Place, box: Box) -> bytes:
    """The whole state in clear. Raises `ValueError` when it is not as it was written, where it was written."""
    try:
        sealed = a2b_base64(box.sealed, strict_mode=True)
        text = AESGCM(key).decrypt(sealed[:NONCE], sealed[NONCE:], _bound(place, box.clear))
    except (InvalidTag, ValueError) as error:
        raise ValueError("its seal is broken: it was changed or moved, or the key is another one's") from error
    return b"%s,%s" % (box.clear.encode(), text)


def _bound(place: Place, clear: str) -> bytes:
    """What can't be changed without breaking the seal."""
    return b"%s %d %s %s" % (
        place.originator_id.bytes,
        place.originator_version,
        place.topic.encode(),
        clear.encode(),
    )
