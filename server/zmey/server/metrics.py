"""Prometheus metrics: what the transport counts itself, and what the core tells at scrape time."""

from collections.abc import Callable, Iterator
from typing import Protocol

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

# From a read out of memory to a write that waits for a slow disk.
LATENCY_BUCKETS_SECONDS = (
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10,
)  # fmt: skip


class MetricsSource(Protocol):
    """What can be asked for its metrics: the core."""

    def metrics(self) -> dict[str, float]:
        """Returns values by Prometheus name."""


class Metrics:
    """All metrics of one server, in a registry of their own."""

    def __init__(self, core: MetricsSource, version: str) -> None:
        self.registry = CollectorRegistry()
        # Not registered: shown as part of zmey_calls.
        self._failures = Counter(
            "zmey_failures", "Calls refused.", ("method", "code"), registry=None
        )
        self._seconds = Histogram(
            "zmey_call_seconds",
            "Seconds from the start of a call's work to its answer.",
            ("method",),
            buckets=LATENCY_BUCKETS_SECONDS,
            registry=self.registry,
        )
        self.imports_open = Gauge(
            "zmey_imports_open", "Import streams open now.", registry=self.registry
        )
        info = Gauge("zmey_info", "The running version.", ("version",), registry=self.registry)
        info.labels(version).set(1)
        self.registry.register(_CallsCollector(self._seconds, self._failures))
        self.registry.register(_CoreCollector(core))

    def success(self, method: str) -> Callable[[float], None]:
        """Returns a function that counts one good call of this method, given its seconds.

        Labels are bound here, once, because looking them up costs more than counting; and one
        measure serves both metrics of calls, because under load each lock costs microseconds.
        """
        observe: Callable[[float], None] = self._seconds.labels(method).observe
        return observe

    def failed(self, method: str, code: str, seconds: float) -> None:
        """Counts one failed call."""
        self._failures.labels(method, code).inc()
        self._seconds.labels(method).observe(seconds)


class MetricsEndpoint:
    """The HTTP server of the metrics, on a port of its own."""

    def __init__(self, registry: CollectorRegistry, host: str, port: int) -> None:
        """Starts to serve.

        Raises:
            OSError: the port is taken or may not be used.
        """
        self._server, self._thread = start_http_server(port, host, registry)
        self.port = int(self._server.server_port)

    def close(self) -> None:
        """Stops to serve and gives up the port."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _CallsCollector(Collector):
    """Counts calls by method and code: those that did not fail went well."""

    def __init__(self, seconds: Histogram, failures: Counter) -> None:
        self._seconds = seconds
        self._failures = failures

    def describe(self) -> Iterator[Metric]:
        """Names the one metric."""
        yield CounterMetricFamily("zmey_calls", "Calls answered.", labels=("method", "code"))

    def collect(self) -> Iterator[Metric]:
        """Yields the counts as they are now."""
        calls = CounterMetricFamily("zmey_calls", "Calls answered.", labels=("method", "code"))
        # Failures first: a call that fails in between is then at worst counted as good for once.
        failed: dict[str, float] = {}
        for labels, count in _samples(self._failures, "_total"):
            calls.add_metric((labels["method"], labels["code"]), count)
            failed[labels["method"]] = failed.get(labels["method"], 0.0) + count
        for labels, count in _samples(self._seconds, "_count"):
            good = count - failed.get(labels["method"], 0.0)
            if good > 0:
                calls.add_metric((labels["method"], "OK"), good)
        yield calls


def _samples(metric: Counter | Histogram, suffix: str) -> Iterator[tuple[dict[str, str], float]]:
    for family in metric.collect():
        for sample in family.samples:
            if sample.name.endswith(suffix):
                yield sample.labels, sample.value


class _CoreCollector(Collector):
    """Asks the core at every scrape, so that counting costs it nothing in between."""

    def __init__(self, core: MetricsSource) -> None:
        self._core = core

    def describe(self) -> Iterator[Metric]:
        """Names nothing in advance: the core may not be asked before the first scrape."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """Yields what the core counts: names on `_total` are counters, the others gauges."""
        for name, value in sorted(self._core.metrics().items()):
            documentation = "Counted by the core: " + name.removeprefix("zmey_").replace("_", " ")
            if name.endswith("_total"):
                yield CounterMetricFamily(name.removesuffix("_total"), documentation, value=value)
            else:
                yield GaugeMetricFamily(name, documentation, value=value)
