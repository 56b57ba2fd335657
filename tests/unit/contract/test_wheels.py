"""The contract's wheel brings no server, and the server's wheel brings no copy of the contract."""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from email.parser import Parser
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
MADE_OF_PROTOS = [str(path.relative_to(ROOT / "protos")) for path in (ROOT / "protos").rglob("*.proto")]


@dataclass(frozen=True)
class Wheel:
    """What a wheel holds, and what is installed with it."""

    files: frozenset[str]
    required: dict[str, str]

    @property
    def folders(self) -> set[str]:
        """The top of the tree, without the folder that describes the wheel itself."""
        return {top for file in self.files if not (top := file.split("/")[0]).endswith(".dist-info")}


def built(project: Path, destination: Path) -> Wheel:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel", "--quiet", "--no-index", "--no-deps"]
    command += ["--no-build-isolation", "--wheel-dir", str(destination), str(project)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own build
    assert done.returncode == 0, done.stdout + done.stderr
    (path,) = destination.glob("*.whl")
    with zipfile.ZipFile(path) as archive:
        files = frozenset(archive.namelist())
        (metadata,) = (name for name in files if name.endswith(".dist-info/METADATA"))
        headers = Parser().parsestr(archive.read(metadata).decode())
    requirements = [line.partition(";") for line in headers.get_all("Requires-Dist", [])]
    wanted = [requirement.strip() for requirement, _, marker in requirements if "extra" not in marker]
    return Wheel(files, {re.split(r"[\s\[<>=!~(@]", requirement, maxsplit=1)[0]: requirement for requirement in wanted})


@pytest.fixture(scope="module")
def contract(tmp_path_factory: pytest.TempPathFactory) -> Wheel:
    return built(ROOT / "generated" / "python", tmp_path_factory.mktemp("contract"))


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Wheel:
    return built(ROOT, tmp_path_factory.mktemp("service"))


def test_the_wheel_of_the_contract_holds_the_contract_alone(contract: Wheel) -> None:
    assert contract.folders == {"stock", "buf"}
    assert {file for file in contract.files if file.startswith("buf/")} == {
        "buf/validate/validate_pb2.py",
        "buf/validate/validate_pb2.pyi",
    }


def test_the_wheel_of_the_contract_has_every_proto_with_its_types(contract: Wheel) -> None:
    modules = {f"{proto.removesuffix('.proto')}_pb2" for proto in MADE_OF_PROTOS}
    modules |= {f"{module}_grpc" for module in modules if "_service_" in module}
    expected = {f"{module}{suffix}" for module in modules for suffix in (".py", ".pyi")}
    expected |= {"stock/allocation/v1/subjects.py", "stock/allocation/v1/py.typed", "stock/allocation/admin/v1/py.typed"}
    assert {file for file in contract.files if file.startswith("stock/")} == expected


def test_the_wheel_of_the_contract_brings_no_server(contract: Wheel) -> None:
    assert set(contract.required) == {"grpcio", "protobuf"}


def test_the_wheel_of_the_service_leaves_the_contract_to_its_own_wheel(service: Wheel, contract: Wheel) -> None:
    assert service.folders == {"allocation"}
    assert not service.files & contract.files, "two wheels would write the same files"
    assert re.fullmatch(r"stock-allocation-contract==\d+\.\d+\.\d+", service.required["stock-allocation-contract"])
