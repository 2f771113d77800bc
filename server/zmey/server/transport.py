"""The gRPC server: which methods it has and the limits of the transport."""

from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol, TypeAlias

import grpc
from grpc_health.v1 import health, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

# The reflection service finds descriptors among the imported modules.
from zmey.config import Settings
from zmey.imports.calls import ImportCalls
from zmey.imports.service import ImportOperations
from zmey.server.calls import CallingCore, unary_behavior
from zmey.server.health import Health
from zmey.server.imports import METHOD as IMPORT_METHOD
from zmey.server.imports import ImportingCore, Imports
from zmey.server.metrics import Metrics
from zmey.server.slots import Slots
from zmey.server.transfers import REPORT_METHOD, UPLOAD_METHOD, Transfers

ECHO_METHOD = "/zmey.benchmark.EchoService/Echo"

# By service, then by name of the method. A string, because the class is no generic at run time.
Handlers: TypeAlias = "dict[str, dict[str, grpc.RpcMethodHandler[Any, Any]]]"


class ServedCore(CallingCore, ImportingCore, Protocol):
    """What a server serves."""


class AddressTakenError(Exception):
    """The address to listen on is taken or may not be used."""


class Transport:
    """A gRPC server around a core; made, bound, started, drained once each."""

    def __init__(
        self,
        core: ServedCore,
        imports: ImportOperations,
        settings: Settings,
        metrics: Metrics,
    ) -> None:
        self._executor = ThreadPoolExecutor(settings.workers, thread_name_prefix="call")
        self.health = Health()
        slots = Slots(settings.concurrent_imports_max)
        self.imports = Imports(core, slots, metrics)
        self._server = grpc.server(
            self._executor,
            maximum_concurrent_rpcs=settings.concurrent_calls_max,
            options=_options(settings),
        )
        handlers = core_handlers(core, self.imports, metrics)
        transfers = Transfers(imports, slots, metrics)
        add_import_handlers(handlers, imports, transfers, metrics)
        self.services = sorted(handlers)
        if settings.benchmark_echo:
            handlers |= _echo_handlers()
        self._server.add_generic_rpc_handlers(
            tuple(grpc.method_handlers_generic_handler(*item) for item in handlers.items())
        )
        health_pb2_grpc.add_HealthServicer_to_server(self.health, self._server)
        if settings.reflection:
            names = (*self.services, health.SERVICE_NAME, reflection.SERVICE_NAME)
            reflection.enable_server_reflection(names, self._server)

    def bind(self, address: str) -> int:
        """Takes the address; returns the port.

        Raises:
            AddressTakenError: another process listens there, or the host is not ours.
        """
        try:
            port = self._server.add_insecure_port(address)
        except RuntimeError as error:
            raise AddressTakenError(address) from error
        if port == 0:
            raise AddressTakenError(address)
        return port

    def start(self) -> None:
        """Begins to answer."""
        self._server.start()
        self.health.serve(self.services)

    def drain(self, seconds: float) -> bool:
        """Stops to take calls and lets those under way end.

        Returns:
            Whether all of them ended by themselves within the time.
        """
        self.health.drain()
        stopped = self._server.stop(seconds)
        self.imports.drain()
        self.health.end_watches()
        return stopped.wait(seconds)

    def close(self) -> None:
        """Ends whatever the drain left over."""
        self._server.stop(0).wait()
        self._executor.shutdown(wait=False, cancel_futures=True)


def core_handlers(core: ServedCore, imports: Imports, metrics: Metrics) -> Handlers:
    """Returns the handlers by service and method; without (de)serializers, bytes stay bytes."""
    handlers: Handlers = defaultdict(dict)
    for method in core.methods():
        service, name = split_method(method)
        behavior = unary_behavior(core, method, metrics)
        handlers[service][name] = grpc.unary_unary_rpc_method_handler(behavior)
    service, name = split_method(IMPORT_METHOD)
    handlers[service][name] = grpc.stream_stream_rpc_method_handler(imports.behavior)
    return dict(handlers)


def add_import_handlers(
    handlers: Handlers, imports: ImportOperations, transfers: Transfers, metrics: Metrics
) -> None:
    """Adds the handlers of the imports that the server runs by itself."""
    calls = ImportCalls(imports)
    for method in calls.methods():
        service, name = split_method(method)
        behavior = unary_behavior(calls, method, metrics)
        handlers.setdefault(service, {})[name] = grpc.unary_unary_rpc_method_handler(behavior)
    service, name = split_method(UPLOAD_METHOD)
    handlers[service][name] = grpc.stream_unary_rpc_method_handler(transfers.upload)
    service, name = split_method(REPORT_METHOD)
    handlers[service][name] = grpc.unary_stream_rpc_method_handler(transfers.report)


def split_method(method: str) -> tuple[str, str]:
    """Splits "/zmey.v1.MatchService/Resolve" into the service and the name."""
    service, _, name = method.removeprefix("/").partition("/")
    return service, name


def _echo_handlers() -> Handlers:
    service, name = split_method(ECHO_METHOD)
    return {service: {name: grpc.unary_unary_rpc_method_handler(lambda request, _: request)}}


def _options(settings: Settings) -> Sequence[tuple[str, int]]:
    return (
        # Without this two servers share a port and each gets half of the calls.
        ("grpc.so_reuseport", 0),
        ("grpc.max_receive_message_length", settings.message_bytes_max),
        # Answers are bounded by the core; refusing to send one after its write would hide it.
        ("grpc.max_send_message_length", -1),
        # Both limits the same: between them grpc would refuse at random.
        ("grpc.max_metadata_size", settings.metadata_bytes_max),
        ("grpc.absolute_max_metadata_size", settings.metadata_bytes_max),
    )
