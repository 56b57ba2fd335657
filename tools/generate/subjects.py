"""A protoc plugin: the NATS subject of each event as a constant, read from the option on its message.

The parameter `language=` is python, go or typescript. For TypeScript it writes the package's index too.
"""

import re
import sys
from typing import Any

from google.protobuf.compiler.plugin_pb2 import CodeGeneratorRequest, CodeGeneratorResponse
from google.protobuf.descriptor_pb2 import DescriptorProto
from stock.allocation.v1 import options_pb2

NOTICE = "Generated from the options of the event messages in protos/. DO NOT EDIT."


def main() -> None:
    """Answer the request on standard input."""
    request = CodeGeneratorRequest.FromString(sys.stdin.buffer.read())
    files = WRITERS[request.parameter.removeprefix("language=")](request)
    response = CodeGeneratorResponse(supported_features=CodeGeneratorResponse.FEATURE_PROTO3_OPTIONAL)
    for name, lines in files.items():
        response.file.add(name=name, content="\n".join(lines) + "\n")
    sys.stdout.buffer.write(response.SerializeToString())


def events(request: CodeGeneratorRequest) -> list[tuple[DescriptorProto, str]]:
    """Pair each event message with its subject, in the order of the protos."""
    messages = [message for file in request.proto_file for message in file.message_type]
    return [(message, subject) for message in messages if (subject := subject_of(message.options))]


def subject_of(options: Any) -> str:  # noqa: ANN401 - the stubs know no extension of MessageOptions
    """Read the option; empty on a message that is no event."""
    subject: str = options.Extensions[options_pb2.event].subject
    return subject


def python(request: CodeGeneratorRequest) -> dict[str, list[str]]:
    """Write stock.allocation.v1.subjects."""
    constants = [f'{upper_snake(message.name)}: Final = "{subject}"' for message, subject in events(request)]
    lines = [f"# {NOTICE}", '"""The NATS subject of each event."""', "", "from typing import Final", "", *constants]
    typed: list[str] = []
    return {
        "stock/allocation/v1/subjects.py": lines,
        "stock/allocation/v1/py.typed": typed,
        "stock/allocation/admin/v1/py.typed": typed,
    }


def go(request: CodeGeneratorRequest) -> dict[str, list[str]]:
    """Write constants beside the messages, aligned as gofmt does."""
    width = max(len(message.name) for message, _ in events(request))
    constants = [f'\tSubject{message.name:{width}} = "{subject}"' for message, subject in events(request)]
    header = ["// Code generated from the options of the event messages. DO NOT EDIT.", "", "package allocationv1", ""]
    return {"allocationv1/subjects.go": [*header, "// The NATS subject of each event.", "const (", *constants, ")"]}


def typescript(request: CodeGeneratorRequest) -> dict[str, list[str]]:
    """Write subjects, and an index that exports all that a client needs."""
    rows = [f'  {message.name}: "{subject}",' for message, subject in events(request)]
    types = [f'  readonly {message.name}: "{subject}";' for message, subject in events(request)]
    head = [f"// {NOTICE}", "", "/** The NATS subject of each event. */"]
    modules = [name for name in request.file_to_generate if not name.startswith("buf/")]
    index = [f"// {NOTICE}", 'export * from "./subjects.js";']
    index += [f'export * from "./{name.removesuffix(".proto")}_pb.js";' for name in modules]
    return {
        "subjects.js": [*head, "export const subjects = {", *rows, "};"],
        "subjects.d.ts": [*head, "export declare const subjects: {", *types, "};"],
        "index.js": index,
        "index.d.ts": index,
    }


def upper_snake(name: str) -> str:
    """Turn BatchQuantityChanged into BATCH_QUANTITY_CHANGED."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).upper()


WRITERS = {"python": python, "go": go, "typescript": typescript}

if __name__ == "__main__":
    main()
