"""What grpcurl does with the examples of the README: reflection, JSON in, JSON out.

grpcurl itself is a program of its own that need not be installed; this one takes the same command
line as far as the README uses it: `-plaintext [-d JSON] HOST:PORT (list | SERVICE/METHOD)`.
"""

import argparse
import sys

import grpc
from google.protobuf import json_format
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)


def call(channel: grpc.Channel, method: str, data: str) -> str:
    """Calls one unary method that is known from the server's reflection alone."""
    service, _, name = method.rpartition("/")
    pool = DescriptorPool(ProtoReflectionDescriptorDatabase(channel))
    described = pool.FindServiceByName(service).methods_by_name[name]
    request = json_format.Parse(data, GetMessageClass(described.input_type)())
    answer_class = GetMessageClass(described.output_type)
    behavior = channel.unary_unary(
        f"/{service}/{name}", type(request).SerializeToString, answer_class.FromString
    )
    return json_format.MessageToJson(behavior(request))


def main() -> None:
    """Runs one command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("-plaintext", action="store_true", required=True)
    parser.add_argument("-d", default="{}")
    parser.add_argument("address")
    parser.add_argument("what")
    given = parser.parse_args()
    with grpc.insecure_channel(given.address) as channel:
        if given.what == "list":
            services = ProtoReflectionDescriptorDatabase(channel).get_services()
            sys.stdout.write("\n".join(sorted(services)) + "\n")
        else:
            sys.stdout.write(call(channel, given.what, given.d) + "\n")


if __name__ == "__main__":
    main()
