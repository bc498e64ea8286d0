"""scripts/docker-release.sh, with a `docker` that writes down what it is asked."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.package.container import ROOT

DOCKER = """#!/bin/sh
printf '%s\\n' "$*" >>"$DOCKER_LOG"
[ "$1" != "$DOCKER_FAILS_AT" ]
"""


@dataclass
class Release:
    folder: Path
    log: Path

    def git(self, *command: str) -> str:
        identity = ["-c", "user.name=Test", "-c", "user.email=test@example.org"]
        done = subprocess.run(["git", *identity, *command], cwd=self.folder, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    def run(self, **environment: str) -> subprocess.CompletedProcess[str]:
        given = {
            **os.environ,
            "PATH": f"{self.log.parent}:{os.environ['PATH']}",
            "DOCKER_LOG": str(self.log),
            "DOCKER_FAILS_AT": "",
        }
        for name in ("IMAGE", "TAG", "ALLOW_DIRTY"):
            given.pop(name, None)
        script = self.folder / "scripts/docker-release.sh"
        return subprocess.run([script], env=given | environment, capture_output=True, text=True)

    @property
    def asked(self) -> list[str]:
        return self.log.read_text().splitlines() if self.log.exists() else []


@pytest.fixture
def release(tmp_path: Path) -> Release:
    """The script in a repository with one commit."""
    tools = tmp_path / "bin"
    tools.mkdir()
    (tools / "docker").write_text(DOCKER)
    (tools / "docker").chmod(0o755)
    folder = tmp_path / "clone"
    (folder / "scripts").mkdir(parents=True)
    shutil.copy(ROOT / "scripts/docker-release.sh", folder / "scripts")
    shutil.copy(ROOT / "CloudronManifest.json", folder)
    release = Release(folder, tools / "log")
    release.git("init", "--quiet")
    release.git("add", ".")
    release.git("commit", "--quiet", "--message", "One")
    return release


def test_it_builds_and_pushes_the_commit_and_says_what_to_run_next(release: Release) -> None:
    done = release.run()
    assert done.returncode == 0, done.stderr
    image = f"git.medlab.host/communityrule/community-rule:{release.git('rev-parse', '--short', 'HEAD')}"
    build, push = release.asked
    assert build.startswith("build --platform linux/amd64 ")
    assert f"--build-arg REVISION={release.git('rev-parse', 'HEAD')}" in build
    assert build.endswith(f"--tag {image} .")
    assert push == f"push {image}"
    assert f"cloudron install --location staging.communityrule.info --image {image}" in done.stdout
    assert f"cloudron update --app staging.communityrule.info --image {image}" in done.stdout


def test_image_and_tag_can_be_chosen(release: Release) -> None:
    assert release.run(IMAGE="registry.example.org/ours", TAG="1.0.1").returncode == 0
    assert release.asked[-1] == "push registry.example.org/ours:1.0.1"


def test_what_is_not_committed_is_refused(release: Release) -> None:
    (release.folder / "new").touch()
    done = release.run()
    assert done.returncode == 1
    assert "ALLOW_DIRTY=1" in done.stderr
    assert not release.asked
    assert release.run(ALLOW_DIRTY="1").returncode == 0


def test_nothing_is_pushed_when_the_build_fails(release: Release) -> None:
    done = release.run(DOCKER_FAILS_AT="build")
    assert done.returncode != 0
    assert len(release.asked) == 1
    assert "cloudron" not in done.stdout
