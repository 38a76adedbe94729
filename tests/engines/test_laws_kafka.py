from __future__ import annotations

import pytest

from instream.testing.engines import EngineLaws
from instream.testing.kafka import Broker
from instream.testing.kafka_rig import KafkaRig
from instream.testing.rigs import Rig

pytestmark = pytest.mark.slow


class TestAtLeastOnce(EngineLaws):
    @pytest.fixture
    def rig(self, broker: Broker, unique: str) -> Rig:
        return KafkaRig(broker, unique, "at_least_once")


class TestExactlyOnce(EngineLaws):
    at_most_once_visible = True

    @pytest.fixture
    def rig(self, broker: Broker, unique: str) -> Rig:
        return KafkaRig(broker, unique, "exactly_once")
