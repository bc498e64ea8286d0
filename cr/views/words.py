"""What the parts of a draft's text are called, and what they say, in words for a page."""

from __future__ import annotations

from typing import Any

from cr.catalog.sections import BY_SLUG
from cr.events.payload import BLOCKS, META, Path, Payload, label_of

FIELD_LABELS = {(s.details, each.name): each.label for s in BY_SLUG.values() for each in s.fields}
TEXT_LABELS = {
    "title": "Name",
    "summary": "Summary",
    "communityContext": "What you do together",
    "communityAvatarAlt": "What the photo shows",
}


def part_name(path: Path, before: Payload, after: Payload) -> str | None:
    """What people call the part; None for what a sentence alone tells, such as a choice or a name."""
    key, *rest = path
    if key in TEXT_LABELS:
        return TEXT_LABELS[key]
    if not rest or rest[-1] == "label":
        return None
    name = entry_name(rest[0], before, after)
    return name if key in (BLOCKS, META) else f"{name}: {FIELD_LABELS.get((key, rest[1]), rest[1])}"


def entry_name(identifier: str, before: Payload, after: Payload) -> str:
    """What a value, method or clause is called; by its old name where it is going away."""
    name = label_of(after, identifier)
    return label_of(before, identifier) if name == label_of({}, identifier) else name


def words(value: Any) -> str:
    if isinstance(value, list):
        # Field blocks; where another client keeps a list of its own, anything.
        return "\n".join(_block_words(each) for each in value)
    return "" if value is None else str(value)


def _block_words(block: Any) -> str:
    """A field block's heading and what stands under it, as a reader sees them."""
    if not isinstance(block, dict):
        return str(block)
    kind = block.get("kind")
    content = block.get("placeholderText") or block.get("body")
    if kind == "badges" and isinstance(block.get("options"), list):
        content = ", ".join(str(option) for option in block["options"])
    elif kind == "proportion":
        content = f"{block.get('defaultPercent')} %"
    elif kind == "upload":
        content = block.get("fileName") or ("A file" if block.get("assetUrl") else None)
    heading = block.get("blockTitle") or block.get("label")
    return ": ".join(str(each) for each in (heading, content) if each)
