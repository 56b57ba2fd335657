"""What any gRPC tool finds without our protos: reflection, health, and a command line that works as printed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

from tests.e2e.random_refs import random_batch_reference, random_sku

if TYPE_CHECKING:
    from tests.service_process import ServiceProcess

SERVICE = "stock.allocation.v1.AllocationService"


def buf_curl(service: ServiceProcess, method: str, data: dict[str, Any]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - the program that the service's own first words name
        [
            *(Path(sys.executable).with_name("buf"), "curl", "--http2-prior-knowledge", "--protocol", "grpc"),
            *("--data", json.dumps(data), f"http://{service.grpc_address}/{SERVICE}/{method}"),
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )


def test_reflection_lists_the_service(service: ServiceProcess) -> None:
    with grpc.insecure_channel(service.grpc_address) as channel:
        names = ProtoReflectionDescriptorDatabase(channel).get_services()
    assert set(names) == {SERVICE, "grpc.health.v1.Health", "grpc.reflection.v1alpha.ServerReflection"}


@pytest.mark.parametrize("name", ["", SERVICE, "allocation.broker"])
def test_health_is_told_of_the_store_and_of_the_broker(service: ServiceProcess, name: str) -> None:
    with grpc.insecure_channel(service.grpc_address) as channel:
        answer = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(service=name))
    assert answer.status == health_pb2.HealthCheckResponse.SERVING


def test_the_printed_command_line_works(service: ServiceProcess) -> None:
    reference, sku = random_batch_reference(), random_sku()
    data = {"batchReference": reference, "sku": sku, "purchasedQuantity": 20}
    created = buf_curl(service, "CreateBatch", data)
    assert created.returncode == 0, created.stderr
    assert json.loads(created.stdout) == {"batch": data}
    assert f"{Path(sys.executable).parent}/buf curl --http2-prior-knowledge --protocol grpc" in service.log.read_text()


def test_a_refusal_is_readable_on_the_command_line(service: ServiceProcess) -> None:
    refused = buf_curl(service, "GetBatch", {"batchReference": random_batch_reference()})
    assert refused.returncode != 0
    error = json.loads(refused.stderr)
    assert error["code"] == "not_found"
    assert [detail["type"] for detail in error["details"]] == ["google.rpc.ErrorInfo"]
