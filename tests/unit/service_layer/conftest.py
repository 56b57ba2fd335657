"""A house of its own for each test, and a consumer at its door."""

import pytest

from tests.unit.house import Consumer, House


@pytest.fixture
def house() -> House:
    return House()


@pytest.fixture
def consumer(house: House) -> Consumer:
    return Consumer(house)
