"""What the generators make of protos/, a function for each language; Java and Rust generate in their own builds."""

import os
import subprocess
import sys
from pathlib import Path

from examples.world.programs import PROGRAMS
from tools.generate.third_party import ROOT, THIRD_PARTY

TEMPLATES = Path(__file__).resolve().parent
TYPESCRIPT = ROOT / "generated" / "typescript"
SERVICE_PROTOS = ("stock/allocation/v1/allocation_service.proto", "stock/allocation/admin/v1/admin_service.proto")


class MissingToolError(Exception):
    """A toolchain is not on this machine, or too old."""


def python(destination: Path) -> None:
    """Write messages, typed stubs, gRPC client and server, and subjects."""
    buf_generate("python", destination)
    run(
        *(sys.executable, "-m", "grpc_tools.protoc", f"--proto_path={ROOT / 'protos'}", f"--proto_path={THIRD_PARTY}"),
        *(f"--grpc_python_out={destination / 'generated/python'}", f"--mypy_grpc_out={destination / 'generated/python'}"),
        *SERVICE_PROTOS,
    )


def go(destination: Path) -> None:
    """Write messages, gRPC client and server, and subjects. Raises MissingToolError."""
    need("Go")
    buf_generate("go", destination)


def typescript(destination: Path) -> None:
    """Write messages and service descriptors for Connect, and subjects. Raises MissingToolError."""
    need("TypeScript")
    installed, lock = TYPESCRIPT / "node_modules" / ".package-lock.json", TYPESCRIPT / "package-lock.json"
    if not installed.exists() or installed.stat().st_mtime < lock.stat().st_mtime:
        run("npm", "--prefix", str(TYPESCRIPT), "ci", "--silent")
    buf_generate("typescript", destination)


def buf_generate(language: str, destination: Path) -> None:
    """Run the plugins of a language's template."""
    run("buf", "generate", "--template", str(TEMPLATES / f"{language}.yaml"), "--output", str(destination))


def need(language: str) -> None:
    """Raise MissingToolError if a tool of a language is missing or too old, by the measure of its program in examples/."""
    (program,) = (program for program in PROGRAMS if program.language == language)
    if problem := program.problem():
        raise MissingToolError(problem)


def run(*command: str) -> None:
    """Run a tool, those of the environment this script runs in first, and stop if it fails."""
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    if subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode != 0:
        sys.exit(f"failed: {' '.join(command)}")
