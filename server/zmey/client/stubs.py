"""The stubs of every service on one channel."""

import grpc
from google.longrunning import operations_pb2_grpc

from zmey.v1 import (
    admin_service_pb2,
    admin_service_pb2_grpc,
    express_service_pb2,
    express_service_pb2_grpc,
    head_service_pb2,
    head_service_pb2_grpc,
    import_service_pb2,
    import_service_pb2_grpc,
    match_service_pb2,
    match_service_pb2_grpc,
    member_service_pb2,
    member_service_pb2_grpc,
    origin_service_pb2,
    origin_service_pb2_grpc,
)

# Every file of the contract that has a service.
CONTRACT = (
    *(admin_service_pb2.DESCRIPTOR, express_service_pb2.DESCRIPTOR),
    *(head_service_pb2.DESCRIPTOR, import_service_pb2.DESCRIPTOR),
    *(match_service_pb2.DESCRIPTOR, member_service_pb2.DESCRIPTOR),
    origin_service_pb2.DESCRIPTOR,
)


class Stubs:
    """The generated stub of each service."""

    def __init__(self, channel: grpc.Channel) -> None:
        self.matches = match_service_pb2_grpc.MatchServiceStub(channel)
        self.members = member_service_pb2_grpc.MemberServiceStub(channel)
        self.heads = head_service_pb2_grpc.HeadServiceStub(channel)
        self.origins = origin_service_pb2_grpc.OriginServiceStub(channel)
        self.admin = admin_service_pb2_grpc.AdminServiceStub(channel)
        self.imports = import_service_pb2_grpc.ImportServiceStub(channel)
        self.express = express_service_pb2_grpc.ExpressServiceStub(channel)
        self.operations = operations_pb2_grpc.OperationsStub(channel)
