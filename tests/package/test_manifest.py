"""CloudronManifest.json: what an installed site and its operators rely on, and that it fits the rest of the project."""

from __future__ import annotations

import json
import struct
from typing import Any

import pytest

import cr
from cr.settings import Settings
from tests.package.container import ROOT
from tests.package.dockerfile import stages

# All that Cloudron's own check of manifests knows, of which ours are some; it refuses any other.
KNOWN = {
    *(
        "addons",
        "author",
        "changelog",
        "contactEmail",
        "description",
        "documentationUrl",
        "healthCheckPath",
        "httpPort",
    ),
    *("icon", "id", "manifestVersion", "mediaLinks", "memoryLimit", "minBoxVersion", "postInstallMessage", "tagline"),
    *("tags", "title", "upstreamVersion", "version", "website"),
}

DEPLOYED_BEFORE = (0, 1, 8)
"""The highest version of the app whose place this one takes; Cloudron refuses to go back."""


@pytest.fixture
def manifest() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((ROOT / "CloudronManifest.json").read_text())
    return loaded


def referred(manifest: dict[str, Any], name: str) -> bytes:
    """What a `file://` in the manifest points to."""
    return (ROOT / manifest[name].removeprefix("file://")).read_bytes()


def test_the_contract_with_cloudron(manifest: dict[str, Any]) -> None:
    assert set(manifest) <= KNOWN
    assert manifest["manifestVersion"] == 2
    assert manifest["id"] == "com.medlab.communityrule"
    assert manifest["httpPort"] == 3000
    assert manifest["healthCheckPath"] == "/api/health"
    assert manifest["memoryLimit"] == 768 * 2**20
    assert manifest["minBoxVersion"] == "9.0.0"
    assert set(manifest["addons"]) == {"postgresql", "sendmail", "localstorage"}


def test_the_version_is_the_packages_own_and_rises(manifest: dict[str, Any]) -> None:
    assert manifest["version"] == manifest["upstreamVersion"] == cr.__version__
    assert tuple(map(int, manifest["version"].split("."))) > DEPLOYED_BEFORE
    assert referred(manifest, "changelog").decode().startswith(f"[{manifest['version']}]\n* ")


def test_the_texts_are_there(manifest: dict[str, Any]) -> None:
    for name in ("title", "tagline", "author", "website", "contactEmail", "tags"):
        assert manifest[name]
    assert len(referred(manifest, "description")) > 200
    told = referred(manifest, "postInstallMessage").decode()
    assert "SESSION_SECRET" in told
    assert "SMTP_FROM" in told


def test_the_icon_is_a_png_of_256_by_256(manifest: dict[str, Any]) -> None:
    icon = referred(manifest, "icon")
    assert icon.startswith(b"\x89PNG\r\n\x1a\n")
    assert struct.unpack(">II", icon[16:24]) == (256, 256)


def test_the_image_listens_where_the_manifest_says(manifest: dict[str, Any]) -> None:
    image = stages(ROOT / "Dockerfile")[-1]
    assert image.all("EXPOSE") == [str(manifest["httpPort"])]
    assert image.environment["PORT"] == str(manifest["httpPort"])


def test_operations_names_every_setting() -> None:
    told = (ROOT / "docs/operations.md").read_text()
    names = {field.alias for field in Settings.model_fields.values() if field.alias}
    assert not {name for name in names if f"`{name}`" not in told}
