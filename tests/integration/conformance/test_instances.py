"""A client that would not survive the loss of an instance is found out, however quickly it notices who is gone."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from stock.allocation.v1.allocation_service_pb2 import CreateBatchRequest
from stock.allocation.v1.allocation_service_pb2_grpc import AllocationServiceStub

from tests.conformance.instances import Instances
from tests.conformance.page_steps import BATCHES
from tests.conformance.secure import SecureService, authority

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SERVICE = {"service": "stock.allocation.v1.AllocationService"}
ROUND_ROBIN: dict[str, Any] = {"loadBalancingConfig": [{"round_robin": {}}]}
RETRY = {
    "maxAttempts": 5,
    "initialBackoff": "0.1s",
    "maxBackoff": "1s",
    "backoffMultiplier": 2,
    "retryableStatusCodes": ["UNAVAILABLE"],
}
CAREFUL = ROUND_ROBIN | {"methodConfig": [{"name": [SERVICE], "retryPolicy": RETRY}]}


@pytest.fixture
def instances(tmp_path: Path) -> Iterator[Instances]:
    with Instances(tmp_path, tmp_path, "rug") as both:
        yield both


def create(instances: Instances, config: dict[str, Any]) -> None:
    target = "ipv4:" + ",".join(name.replace("localhost", "127.0.0.1") for name in instances.names)
    options = [("grpc.service_config", json.dumps(config)), ("grpc.default_authority", "localhost")]
    credentials = grpc.ssl_channel_credentials(authority().cert_pem.bytes())
    with grpc.secure_channel(target, credentials, options) as channel:
        for number in range(BATCHES):
            request = CreateBatchRequest(batch_reference=f"rug-{number}", sku="rug", purchased_quantity=1)
            AllocationServiceStub(channel).CreateBatch(request, timeout=5)


def test_a_client_that_shares_its_calls_and_asks_again_passes(instances: Instances) -> None:
    instances.check(lambda: create(instances, CAREFUL))


def test_a_client_that_does_not_ask_again_is_found_out(instances: Instances) -> None:
    misspelt = ROUND_ROBIN | {"methodConfig": [{"name": [SERVICE], "retryPolcy": RETRY}]}
    with pytest.raises(grpc.RpcError, match="going away"):
        instances.check(lambda: create(instances, misspelt))


def test_an_instance_that_does_not_come_to_serve_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def serves(_: SecureService) -> bool:
        raise AssertionError("it does not serve")

    monkeypatch.setattr(SecureService, "serves", serves)
    service = SecureService(tmp_path / "service", tmp_path)
    with pytest.raises(AssertionError, match="it does not serve"), service:
        pass
    assert not service.is_running
