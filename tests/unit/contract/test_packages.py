"""The packages of all languages have the version of the service, and none names a host that it was downloaded from."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from xml.etree import ElementTree as ET

ROOT = Path(__file__).resolve().parents[3]
GENERATED = ROOT / "generated"
MAVEN = "{http://maven.apache.org/POM/4.0.0}"
LOCKS = ("requirements*.txt", "**/package-lock.json", "**/go.sum")


def toml_version(path: Path, table: str) -> str:
    version: str = tomllib.loads(path.read_text(encoding="utf-8"))[table]["version"]
    return version


def test_every_package_has_the_version_of_the_service() -> None:
    versions = {
        "service": toml_version(ROOT / "pyproject.toml", "project"),
        "Python": toml_version(GENERATED / "python" / "pyproject.toml", "project"),
        "TypeScript": json.loads((GENERATED / "typescript" / "package.json").read_text(encoding="utf-8"))["version"],
        "Java": ET.parse(GENERATED / "java" / "pom.xml").findtext(f"{MAVEN}version"),  # noqa: S314 - our own file
        "Rust": toml_version(GENERATED / "rust" / "Cargo.toml", "package"),
    }
    assert set(versions.values()) == {versions["service"]}


def test_the_service_needs_the_contract_of_its_own_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert f"stock-allocation-contract=={project['version']}" in project["dependencies"]


def test_no_lock_file_names_a_host() -> None:
    locks = [path for pattern in LOCKS for path in ROOT.glob(pattern) if "node_modules" not in path.parts]
    assert len(locks) > len(LOCKS)
    found = {
        str(path): re.findall(
            r"\"resolved\": \"http.*|-url .*",
            path.read_text(encoding="utf-8"),
        )
        for path in locks
    }
    assert {path: lines for path, lines in found.items() if lines} == {}
