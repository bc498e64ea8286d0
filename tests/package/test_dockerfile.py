"""The Dockerfile, read: what it copies is there, and nothing is sent to the builder that it doesn't copy."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.package.container import ROOT
from tests.package.dockerfile import in_context, stages


def context(path: str) -> bool:
    return in_context(Path(path), ROOT / ".dockerignore")


def test_what_it_copies_is_there_and_is_sent() -> None:
    for stage in stages(ROOT / "Dockerfile"):
        for source in (source for copy in stage.copies if not copy.stage for source in copy.sources):
            assert (ROOT / source).exists(), source
            assert context(source), source


def test_every_stage_that_it_copies_from_exists_and_has_one_base() -> None:
    build, image = stages(ROOT / "Dockerfile")
    assert {copy.stage for copy in image.copies if copy.stage} == {build.name}
    # Compiled for one Python, run by another, the packages would not load.
    assert build.base == image.base == "python:3.13-slim-trixie"


@pytest.mark.parametrize(
    "path",
    [
        ".git/config",
        ".venv/bin/python",
        "cr/__pycache__/serve.cpython-313.pyc",
        "cr/development/serve.py",
        "requirements/development.txt",
        "scripts/serve",
        "tests/conftest.py",
        "var/session-secret",
    ],
)
def test_what_is_ours_alone_is_not_sent(path: str) -> None:
    assert not context(path)


def test_packages_come_from_the_lock_and_no_tests_come_along() -> None:
    build = stages(ROOT / "Dockerfile")[0]
    installs = [line for line in build.all("RUN") if " install " in line]
    assert "--require-hashes" in installs[0]
    assert "-r requirements/runtime.txt" in installs[0]
    assert "--no-deps --no-build-isolation ." in installs[1]


def test_it_starts_what_it_copied() -> None:
    image = stages(ROOT / "Dockerfile")[-1]
    (start,) = image.command
    assert start == f"{image.all('WORKDIR')[-1]}/scripts/start.sh"
    assert "scripts/start.sh" in {copy.target for copy in image.copies}
    assert os.access(ROOT / "scripts/start.sh", os.X_OK)
