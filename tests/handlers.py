"""The handlers of a server around any core, called without a socket by grpcio-testing."""

from typing import Any

import grpc
import grpc_testing
from google.rpc import error_details_pb2, status_pb2

from zmey.config import load_settings
from zmey.imports.opening import open_imports
from zmey.server import Imports, Metrics, core_handlers
from zmey.server.failures import DETAILS_TRAILER
from zmey.server.slots import Slots
from zmey.server.transfers import Transfers
from zmey.server.transport import add_import_handlers
from zmey.v1 import (
    admin_service_pb2,
    express_service_pb2,
    head_service_pb2,
    import_service_pb2,
    match_service_pb2,
    member_service_pb2,
    origin_service_pb2,
)

MODULES = (
    *(match_service_pb2, member_service_pb2, head_service_pb2),
    *(import_service_pb2, origin_service_pb2, admin_service_pb2),
    express_service_pb2,
)
SERVICES = [
    descriptor for module in MODULES for descriptor in module.DESCRIPTOR.services_by_name.values()
]
# What the process answers and not the core.
STREAMS = ("StreamImport", "UploadSource", "DownloadReport")
OF_PROCESS = ("StartImport", "ProbeImport")
_METHODS = [method for service in SERVICES for method in service.methods]
UNARY_METHODS = [method for method in _METHODS if method.name not in (*STREAMS, *OF_PROCESS)]
PROCESS_METHODS = [method for method in _METHODS if method.name in OF_PROCESS]
STREAM_IMPORT = import_service_pb2.DESCRIPTOR.services_by_name["ImportService"].methods[0]


def full_name(method: Any) -> str:
    """Returns the name of a method as it is on the wire."""
    return f"/{method.containing_service.full_name}/{method.name}"


class InProcessServer:
    """Every handler of a core behind grpcio-testing.

    grpcio-testing forgets the trailing metadata of an aborted call, so they are noted here.
    """

    def __init__(self, core: Any, imports_max: int = 2) -> None:
        metrics = Metrics(core, "test")
        slots = Slots(imports_max)
        handlers = core_handlers(core, Imports(core, slots, metrics), metrics)
        settings = load_settings(None, {"store_path": ":memory:"})
        imports, _runner = open_imports(core, settings)
        add_import_handlers(handlers, imports, Transfers(imports, slots, metrics), metrics)
        self._trailers: Any = ()
        servicers = {}
        for service in SERVICES:
            behaviors = {
                name: staticmethod(self._noting(_behavior_of(handler)))
                for name, handler in handlers[service.full_name].items()
            }
            servicers[service] = type("Servicer", (), behaviors)()
        self._server = grpc_testing.server_from_dictionary(
            servicers, grpc_testing.strict_real_time()
        )

    def call(self, method: Any, request: bytes) -> tuple[Any, grpc.StatusCode, str, Any]:
        """Calls a unary method; returns the answer, code, message and ErrorInfo."""
        rpc = self._server.invoke_unary_unary(method, (), request, None)
        answer, _, code, message = rpc.termination()
        return answer, code, message, self.error_info()

    def open_import(self) -> Any:
        """Opens StreamImport."""
        return self._server.invoke_stream_stream(STREAM_IMPORT, (), None)

    def error_info(self) -> Any:
        """Reads google.rpc.ErrorInfo out of the last trailing metadata, or returns None."""
        for key, value in self._trailers:
            if key == DETAILS_TRAILER:
                info = error_details_pb2.ErrorInfo()
                (detail,) = status_pb2.Status.FromString(value).details
                assert detail.Unpack(info)
                return info
        return None

    def _noting(self, behavior: Any) -> Any:
        return lambda request, context: behavior(request, _NotingContext(context, self._note))

    def _note(self, trailers: Any) -> None:
        self._trailers = trailers


def _behavior_of(handler: Any) -> Any:
    return (
        handler.unary_unary or handler.stream_stream or handler.stream_unary or handler.unary_stream
    )


class _NotingContext:
    """A context that tells which trailing metadata were set."""

    def __init__(self, context: Any, note: Any) -> None:
        self._context = context
        self.set_trailing_metadata = note

    def __getattr__(self, name: str) -> Any:
        return getattr(self._context, name)
