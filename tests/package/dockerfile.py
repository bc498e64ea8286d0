"""Reading the Dockerfile and .dockerignore, as far as ours go. What is not known here is an error, not ignored."""

from __future__ import annotations

import fnmatch
import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

KNOWN = {"ARG", "CMD", "COPY", "ENV", "EXPOSE", "FROM", "LABEL", "RUN", "WORKDIR"}


@dataclass(frozen=True)
class Instruction:
    """One instruction: `name` in capitals, `text` the rest of it on one line."""

    name: str
    text: str


@dataclass(frozen=True)
class Copy:
    """A COPY: `sources` lie in the context, or in the stage `stage`; a `target` that ends with "/" is a folder."""

    stage: str | None
    sources: tuple[str, ...]
    target: str


@dataclass
class Stage:
    base: str
    name: str | None
    instructions: list[Instruction]

    def all(self, name: str) -> list[str]:
        return [each.text for each in self.instructions if each.name == name]

    @property
    def copies(self) -> list[Copy]:
        return [as_copy(text) for text in self.all("COPY")]

    @property
    def command(self) -> list[str]:
        return list(json.loads(self.all("CMD")[-1]))

    @property
    def environment(self) -> dict[str, str]:
        return {name: value for text in self.all("ENV") for name, value in pairs(text).items()}


def stages(file: Path) -> list[Stage]:
    found: list[Stage] = []
    for instruction in _instructions(file.read_text()):
        assert instruction.name in KNOWN, instruction
        if instruction.name == "FROM":
            base, _, name = instruction.text.partition(" AS ")
            found.append(Stage(base, name or None, []))
        else:
            found[-1].instructions.append(instruction)
    return found


def _instructions(text: str) -> Iterator[Instruction]:
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    for joined in re.sub(r"\\\n\s*", "", "\n".join(lines)).splitlines():
        name, _, rest = joined.partition(" ")
        yield Instruction(name, rest.strip())


def pairs(text: str) -> dict[str, str]:
    """NAME=value NAME="other value", as in ENV and LABEL."""
    return dict(word.split("=", 1) for word in shlex.split(text))


def as_copy(text: str) -> Copy:
    words = text.split()
    stage = words.pop(0).removeprefix("--from=") if words[0].startswith("--from=") else None
    return Copy(stage, tuple(words[:-1]), words[-1])


def in_context(path: Path, ignore: Path) -> bool:
    """Whether a file at `path` (relative) is sent to the builder: the last line of .dockerignore that fits decides."""
    included = True
    for line in ignore.read_text().splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        keeps, pattern = line.startswith("!"), line.strip().removeprefix("!")
        if any(_fits(part, pattern) for part in (path, *path.parents)):
            included = keeps
    return included


def _fits(path: Path, pattern: str) -> bool:
    if pattern.startswith("**/"):
        return fnmatch.fnmatchcase(path.name, pattern[3:])
    return str(path) != "." and len(path.parts) == len(Path(pattern).parts) and fnmatch.fnmatchcase(str(path), pattern)
