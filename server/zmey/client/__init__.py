"""The Python client of zmey: a channel with all stubs, and contacts in short.

`Client` has the generated stub of every service. `Client.contacts` has the same for one space with
Python values instead of messages, errors as exceptions, and writes that may safely be repeated.
"""

from zmey.client.connection import Client, service_config
from zmey.client.contacts import Contact, Contacts, Step, Write
from zmey.client.datakeys import (
    Json,
    RawJson,
    change,
    delete,
    insert,
    push,
    put,
    unshift,
    update,
)
from zmey.client.faults import (
    CallFault,
    ConflictError,
    InvalidError,
    LimitError,
    NotFoundError,
    UnavailableError,
    ZmeyError,
    fault_of,
)
from zmey.client.notation import NotationError, parse_locator, parse_order
from zmey.client.whom import Whom, keys

__all__ = [
    "CallFault",
    "Client",
    "ConflictError",
    "Contact",
    "Contacts",
    "InvalidError",
    "Json",
    "LimitError",
    "NotFoundError",
    "NotationError",
    "RawJson",
    "Step",
    "UnavailableError",
    "Whom",
    "Write",
    "ZmeyError",
    "change",
    "delete",
    "fault_of",
    "insert",
    "keys",
    "parse_locator",
    "parse_order",
    "push",
    "put",
    "service_config",
    "unshift",
    "update",
]
