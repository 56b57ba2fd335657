"""Where operators' tools look for the broker."""

import pytest

from allocation.connections import broker_urls
from allocation.settings import read_settings


@pytest.mark.parametrize(
    ("environment", "urls"),
    [
        ({}, ["nats://127.0.0.1:4222"]),
        ({"ALLOCATION_NATS_PORT": "5000"}, ["nats://127.0.0.1:5000"]),
        ({"ALLOCATION_NATS_URLS": "nats://one:4222, nats://two:4222"}, ["nats://one:4222", "nats://two:4222"]),
        ({"ALLOCATION_NATS_URLS": "nats://one:4222", "ALLOCATION_NATS_PORT": "5000"}, ["nats://one:4222"]),
    ],
)
def test_the_urls_of_the_settings_come_first_and_the_port_of_dev_is_what_is_left(
    environment: dict[str, str], urls: list[str]
) -> None:
    assert broker_urls(read_settings(environment)) == urls
