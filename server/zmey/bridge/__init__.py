"""The bridge between a RabbitMQ queue and the core (seed 000)."""

from zmey.bridge.errors import BridgeError
from zmey.bridge.process import BridgeThread, run_bridge

__all__ = ["BridgeError", "BridgeThread", "run_bridge"]
