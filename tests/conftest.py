"""What every test may use; the fixtures live in tests/fixtures, by what they stand for."""

from __future__ import annotations

import os

import pytest

pytest_plugins = [
    "tests.fixtures.catalog",
    "tests.fixtures.database",
    "tests.fixtures.mail",
    "tests.fixtures.site",
    "tests.fixtures.browser",
]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    # scripts/test runs the other checks first and says here, near the closing line, which of them failed.
    if failed := os.environ.get("FAILED_CHECKS"):
        terminalreporter.write_line(f"Failed before the tests: {failed}. See above.", red=True)
