"""What the generators make of protos/, a function for each language; Java and Rust generate in their own builds."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tools.generate.third_party import ROOT, THIRD_PARTY

TEMPLATES = Path(__file__).resolve().parent
TYPESCRIPT = ROOT / "generated" / "typescript"
SERVICE_PROTO = "stock/allocation/v1/allocation_service.proto"


class MissingToolError(Exception):
    """A toolchain is not on this machine."""


def python(destination: Path) -> None:
    """Write messages, typed stubs, gRPC client and server, and subjects."""
    buf_generate("python", destination)
    run(
        *(sys.executable, "-m", "grpc_tools.protoc", f"--proto_path={ROOT / 'protos'}", f"--proto_path={THIRD_PARTY}"),
        *(f"--grpc_python_out={destination / 'generated/python'}", f"--mypy_grpc_out={destination / 'generated/python'}"),
        SERVICE_PROTO,
    )


def go(destination: Path) -> None:
    """Write messages, gRPC client and server, and subjects. Raises MissingToolError."""
    need("go")
    buf_generate("go", destination)


def typescript(destination: Path) -> None:
    """Write messages and service descriptors for Connect, and subjects. Raises MissingToolError."""
    need("node")
    need("npm")
    installed, lock = TYPESCRIPT / "node_modules" / ".package-lock.json", TYPESCRIPT / "package-lock.json"
    if not installed.exists() or installed.stat().st_mtime < lock.stat().st_mtime:
        run("npm", "--prefix", str(TYPESCRIPT), "ci", "--silent")
    buf_generate("typescript", destination)


def buf_generate(language: str, destination: Path) -> None:
    """Run the plugins of a language's template."""
    run("buf", "generate", "--template", str(TEMPLATES / f"{language}.yaml"), "--output", str(destination))


def need(tool: str) -> None:
    """Raise MissingToolError if a tool is not on PATH."""
    if shutil.which(tool) is None:
        raise MissingToolError(f"{tool} is not installed")


def run(*command: str) -> None:
    """Run a tool, those of the environment this script runs in first, and stop if it fails."""
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    if subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode != 0:
        sys.exit(f"failed: {' '.join(command)}")
