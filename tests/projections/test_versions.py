"""A read model gets another version with every file that its rows are made from."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from cr.projections import ALL

CODE = Path(__file__).parents[2] / "cr"
SCRIPT = "import json; from cr.projections import ALL; print(json.dumps({each.name: each.version for each in ALL}))"
EVERY = {"drafts", "histories", "rules", "revisions", "organizers", "invitations", "writers"}


def versions(folder: Path) -> dict[str, str]:
    """As the code in this folder has them."""
    told = subprocess.run(
        [sys.executable, "-c", SCRIPT], cwd=folder, env={"PYTHONPATH": str(folder)}, capture_output=True, check=True
    )
    found: dict[str, str] = json.loads(told.stdout)
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the code."""
    folder = tmp_path_factory.mktemp("copy")
    shutil.copytree(CODE, folder / "cr")
    return folder


@pytest.mark.parametrize(
    ("file", "stale"),
    [
        ("projections/base.py", EVERY),
        ("events/base.py", EVERY),
        ("events/draft.py", {"drafts", "histories", "writers"}),
        ("events/rule.py", {"histories", "rules", "revisions", "organizers", "invitations"}),
        ("audit/lines.py", {"revisions"}),
        ("times.py", {"revisions"}),
        ("templates/rule_document.jinja2", {"revisions"}),
        ("catalog/sections.py", {"histories", "revisions"}),
        ("views/home.py", set()),
        ("projections/presence.py", {"organizers", "writers"}),
        *((f"projections/{name}.py", {name}) for name in sorted(EVERY)),
    ],
)
def test_other_code_is_another_version(folder: Path, file: str, stale: set[str]) -> None:
    changed = folder / "cr" / file
    before = changed.read_bytes()
    changed.write_bytes(before + b"\n")
    try:
        found = versions(folder)
    finally:
        changed.write_bytes(before)
    assert {each.name for each in ALL if found[each.name] != each.version} == stale
