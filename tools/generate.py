"""Rebuilds generated/ from protos/, or proves with --check that it is fresh; its tools come from the environment."""

import argparse
import filecmp
import hashlib
import os
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
THIRD_PARTY = ROOT / "build" / "third_party"
VALIDATE_PROTO = THIRD_PARTY / "buf" / "validate" / "validate.proto"
VALIDATE_PACKAGE = "protovalidate==1.2.0"
VALIDATE_MEMBER = "protovalidate-1.2.0/upstream/proto/buf/validate/validate.proto"
VALIDATE_SHA256 = "4cb9a5065f32abc9baf2cf25c5bd09a139f7dffb7b8692f636a8e3e6883bb9a2"
SERVICE_PROTO = "stock/allocation/v1/allocation_service.proto"


def fetch_validate_proto() -> None:
    """Unpack validate.proto from the one published archive that holds it, pinned by its hash."""
    if VALIDATE_PROTO.exists():
        return
    with tempfile.TemporaryDirectory() as folder:
        run(
            *(sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-build-isolation"),
            *("--no-binary", ":all:", "--dest", folder, VALIDATE_PACKAGE),
        )
        archive = next(Path(folder).glob("*.tar.gz"))
        digest = hashlib.sha256(archive.read_bytes()).hexdigest()
        if digest != VALIDATE_SHA256:
            sys.exit(f"{archive.name} has sha256 {digest}, expected {VALIDATE_SHA256}")
        with tarfile.open(archive) as tar:
            member = tar.extractfile(VALIDATE_MEMBER)
            if member is None:
                sys.exit(f"{archive.name} holds no {VALIDATE_MEMBER}")
            VALIDATE_PROTO.parent.mkdir(parents=True, exist_ok=True)
            VALIDATE_PROTO.write_bytes(member.read())


def generate(destination: Path) -> None:
    """Write messages, typed stubs and the gRPC client and server into `destination`/generated/python."""
    fetch_validate_proto()
    run("buf", "generate", "--output", str(destination))
    python = destination / "generated" / "python"
    run(
        *(sys.executable, "-m", "grpc_tools.protoc", f"--proto_path={ROOT / 'protos'}", f"--proto_path={THIRD_PARTY}"),
        *(f"--grpc_python_out={python}", f"--mypy_grpc_out={python}", SERVICE_PROTO),
    )


def run(*command: str) -> None:
    """Run a tool of the environment this script runs in, and stop if it fails."""
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    if subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode != 0:
        sys.exit(f"failed: {' '.join(command)}")


def stale_files(committed: Path, fresh: Path) -> list[str]:
    """Name the files that differ, are missing or stand there without a source."""
    names = {
        path.relative_to(folder)
        for folder in (committed, fresh)
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    return sorted(
        str(name)
        for name in names
        if not (committed / name).exists()
        or not (fresh / name).exists()
        or not filecmp.cmp(committed / name, fresh / name, shallow=False)
    )


def main() -> None:
    """Generate in place, or compare a fresh generation with what is committed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; fail if generated/ is stale")
    parser.add_argument("--fetch", action="store_true", help="only fetch the proto that ours import")
    arguments = parser.parse_args()
    if arguments.fetch:
        fetch_validate_proto()
        return
    if not arguments.check:
        generate(ROOT)
        return
    with tempfile.TemporaryDirectory() as folder:
        generate(Path(folder))
        stale = stale_files(ROOT / "generated", Path(folder) / "generated")
    if stale:
        sys.exit("generated/ is stale, run `make generate`: " + ", ".join(stale))


if __name__ == "__main__":
    main()
