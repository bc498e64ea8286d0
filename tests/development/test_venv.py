"""The environment that scripts/serve and scripts/test make, on a small project that needs nothing from elsewhere."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from cr.development.venv import Environment

ROOT = Path(__file__).parents[2]

# The project builds itself, so that pip has nothing to fetch.
BACKEND = """
import zipfile

def build_editable(folder, config_settings=None, metadata_directory=None):
    name = "small-1-py3-none-any.whl"
    with zipfile.ZipFile(f"{folder}/{name}", "w") as wheel:
        wheel.writestr("small.py", "")
        wheel.writestr("small-1.dist-info/METADATA", "Metadata-Version: 2.1\\nName: small\\nVersion: 1\\n")
        wheel.writestr("small-1.dist-info/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr("small-1.dist-info/RECORD", "")
    return name
"""

INSTALLING = "Installing the locked packages"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "a project"
    (root / "requirements").mkdir(parents=True)
    (root / "requirements" / "development.txt").write_text("# nothing\n")
    (root / "backend.py").write_text(BACKEND)
    (root / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    )
    (root / "setup.cfg").write_text("")
    return root


def works(environment: Environment) -> bool:
    return subprocess.run([environment.python, "-c", "import small"]).returncode == 0


def test_it_is_made_once_and_again_when_something_changed(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    # What an interrupted installation leaves.
    broken = project / ".venv" / "bin"
    broken.mkdir(parents=True)
    (broken / "python").write_text("not a program")
    environment = Environment(project)
    environment.make()
    assert works(environment)
    assert INSTALLING in capfd.readouterr().out

    environment.make()
    assert capfd.readouterr().out == ""

    (project / "setup.cfg").write_text("[metadata]\n")
    environment.make()
    told = capfd.readouterr().out
    assert "Installed." in told
    assert INSTALLING not in told

    (project / "requirements" / "development.txt").write_text("# nothing else\n")
    environment.make()
    assert INSTALLING in capfd.readouterr().out

    moved = Environment(project.rename(project.with_name("elsewhere")))
    moved.make()
    assert works(moved)
    assert str(project) not in (moved.folder / "bin" / "pip").read_text()


def find_python(path: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/bin/bash", "-euo", "pipefail", "-c", f'source "{ROOT}/scripts/_python.sh"; echo "$python"'],
        env={"PATH": str(path)},
        capture_output=True,
        text=True,
    )


def stand_in(folder: Path, name: str, script: str) -> None:
    (folder / name).write_text(f"#!/bin/bash\n{script}\n")
    (folder / name).chmod(0o755)


def test_the_newest_python_that_works_is_taken(tmp_path: Path) -> None:
    os.symlink("/usr/bin/dirname", tmp_path / "dirname")
    assert "Python 3.11 or newer is needed" in find_python(tmp_path).stderr

    stand_in(tmp_path, "python3", "exit 1")
    assert "Python 3.11 or newer is needed" in find_python(tmp_path).stderr

    stand_in(tmp_path, "python3.12", "[[ $2 != *ensurepip* ]]")
    refused = find_python(tmp_path)
    assert refused.returncode == 1
    assert refused.stderr.startswith("python3.12 has no venv module.")
    assert len(refused.stderr.splitlines()) == 1

    stand_in(tmp_path, "python3.11", "exit 0")
    assert find_python(tmp_path).stdout == "python3.11\n"
    # A version manager's stand-in for a version that is not installed.
    stand_in(tmp_path, "python3.13", "echo not installed >&2; exit 127")
    assert find_python(tmp_path).stdout == "python3.11\n"
