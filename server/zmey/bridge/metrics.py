"""What operators see of the bridge at /metrics."""

from collections import Counter as Tally
from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from zmey.bridge.answers import Verdict
from zmey.bridge.in_flight import InFlight

BATCH_BUCKETS = (1, 3, 10, 30, 100, 300, 1_000, 3_000, 10_000)
SECONDS_BUCKETS = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100)


class BridgeMetrics:
    """All metrics of one bridge."""

    def __init__(self, registry: CollectorRegistry) -> None:
        # Those of the session at work.
        self.deliveries = InFlight()
        self.queue_depth = Gauge(
            "zmey_bridge_queue_depth",
            "Messages that wait in the queue and were delivered to nobody.",
            registry=registry,
        )
        self.in_flight = Gauge(
            "zmey_bridge_in_flight",
            "Messages delivered to this bridge and not acknowledged.",
            registry=registry,
        )
        # Read at the moment of a scrape, because nothing calls us while messages are stuck.
        self.in_flight.set_function(lambda: len(self.deliveries))
        self.connected = Gauge(
            "zmey_bridge_connected", "1 while the broker is there.", registry=registry
        )
        self.reconnects = Counter(
            "zmey_bridge_reconnects", "Connections to the broker after the first.",
            registry=registry,
        )  # fmt: skip
        self.results_refused = Gauge(
            "zmey_bridge_results_refused",
            "Results and messages to set aside that the broker refused and the bridge will publish "
            "again.",
            registry=registry,
        )
        self.file_failures = Counter(
            "zmey_bridge_file_failures", "Writes of a file of the bridge that failed.", ("file",),
            registry=registry,
        )  # fmt: skip
        self._messages = Counter(
            "zmey_bridge_messages", "Messages answered, by error code.", ("error",),
            registry=registry,
        )  # fmt: skip
        self._parked = Counter(
            "zmey_bridge_parked", "Messages set aside in the dead queue.", registry=registry
        )
        self._lag = Gauge(
            "zmey_bridge_lag_seconds",
            "Age of the oldest message delivered and not acknowledged, by its timestamp property, "
            "without one since its delivery; 0 where there is none.",
            registry=registry,
        )
        self._lag.set_function(self._age_seconds)
        self._batch = Histogram(
            "zmey_bridge_batch_messages", "Messages applied together.", buckets=BATCH_BUCKETS,
            registry=registry,
        )  # fmt: skip
        self._seconds = Histogram(
            "zmey_bridge_batch_seconds", "Seconds to apply a batch.", buckets=SECONDS_BUCKETS,
            registry=registry,
        )  # fmt: skip

    def applied(self, messages: int, seconds: float) -> None:
        """Counts a batch that was applied."""
        self._batch.observe(messages)
        self._seconds.observe(seconds)

    def answered(self, verdicts: Iterable[Verdict]) -> None:
        """Counts messages that were acknowledged."""
        verdicts = list(verdicts)
        for code, count in Tally(verdict.code for verdict in verdicts).items():
            self._messages.labels(str(code)).inc(count)
        self._parked.inc(sum(verdict.parks for verdict in verdicts))

    def _age_seconds(self) -> float:
        return self.deliveries.age_seconds()
