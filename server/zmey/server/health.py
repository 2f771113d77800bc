"""grpc.health.v1: what load balancers ask, also while the server drains."""

import threading
from collections.abc import Callable, Iterable
from typing import Any

import grpc
from grpc_health.v1 import health, health_pb2


class Health(health.HealthServicer):
    """The standard servicer, with watchers that do not hold up a drain."""

    def __init__(self) -> None:
        super().__init__(experimental_non_blocking=True)
        self._watch_lock = threading.Lock()
        self._watches: set[grpc.ServicerContext] = set()

    def Watch(  # noqa: N802 - the name is the contract's
        self,
        request: health_pb2.HealthCheckRequest,
        context: grpc.ServicerContext,
        send_response_callback: Callable[..., None] | None = None,
    ) -> Any:
        """Streams the status of one service and every change of it."""
        with self._watch_lock:
            self._watches.add(context)
        context.add_callback(lambda: self._forget(context))
        return super().Watch(request, context, send_response_callback)

    # grpcio reads these from the method to keep watchers off the worker threads.
    Watch.experimental_non_blocking = True  # type: ignore[attr-defined]
    Watch.experimental_thread_pool = None  # type: ignore[attr-defined]

    def serve(self, services: Iterable[str]) -> None:
        """Says that these services, and so the server, answer."""
        for service in ("", *services):
            self.set(service, health_pb2.HealthCheckResponse.SERVING)

    def drain(self) -> None:
        """Says NOT_SERVING for ever."""
        self.enter_graceful_shutdown()

    def end_watches(self) -> None:
        """Ends the streams of the watchers, who have been told."""
        with self._watch_lock:
            watches = list(self._watches)
        for context in watches:
            context.cancel()

    def _forget(self, context: grpc.ServicerContext) -> None:
        with self._watch_lock:
            self._watches.discard(context)
