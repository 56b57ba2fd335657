"""Brings the protos that ours import or that clients need, from published packages; they are not ours to keep."""

import hashlib
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from google.protobuf import descriptor_pb2
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2

ROOT = Path(__file__).resolve().parents[2]
BUF = str(Path(sys.executable).with_name("buf"))
THIRD_PARTY = ROOT / "build" / "third_party"
CONTRACT = ROOT / "build" / "contract.binpb"
CONTRACT_AND_GRPC = ROOT / "build" / "contract_and_grpc.binpb"
VALIDATE_PROTO = THIRD_PARTY / "buf" / "validate" / "validate.proto"
VALIDATE_PACKAGE = "protovalidate==1.2.0"
VALIDATE_MEMBER = "protovalidate-1.2.0/upstream/proto/buf/validate/validate.proto"
VALIDATE_SHA256 = "4cb9a5065f32abc9baf2cf25c5bd09a139f7dffb7b8692f636a8e3e6883bb9a2"


def fetch() -> None:
    """Put validate.proto into build/."""
    if not VALIDATE_PROTO.exists():
        fetch_validate_proto()


def build_images() -> None:
    """Compile the contract, and the contract with the messages that errors and health travel in."""
    fetch()
    if subprocess.run([BUF, "build", "--output", str(CONTRACT)], cwd=ROOT, check=False).returncode != 0:
        sys.exit("the protos do not compile")
    with_grpc = descriptor_pb2.FileDescriptorSet.FromString(CONTRACT.read_bytes())
    for module in (error_details_pb2, health_pb2):
        file = with_grpc.file.add()
        file.ParseFromString(module.DESCRIPTOR.serialized_pb)
        for message in file.message_type:
            name_json_fields(message)
    CONTRACT_AND_GRPC.write_bytes(with_grpc.SerializeToString())


def name_json_fields(message: descriptor_pb2.DescriptorProto) -> None:
    """Fill the JSON names, which a compiler writes and Python's descriptors leave out."""
    for field in message.field:
        first, *rest = field.name.split("_")
        field.json_name = first + "".join(word.capitalize() for word in rest)
    for nested in message.nested_type:
        name_json_fields(nested)


def fetch_validate_proto() -> None:
    """Unpack validate.proto from the one published archive that holds it, pinned by its hash."""
    with tempfile.TemporaryDirectory() as folder:
        command = [
            *(sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-build-isolation"),
            *("--no-binary", ":all:", "--dest", folder, VALIDATE_PACKAGE),
        ]
        if subprocess.run(command, cwd=ROOT, check=False).returncode != 0:
            sys.exit(f"cannot download {VALIDATE_PACKAGE}")
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


if __name__ == "__main__":
    fetch()
