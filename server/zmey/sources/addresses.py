"""Which addresses the server visits for callers, and the sockets to them.

A name is resolved once; what it leads to is checked; the connection goes to exactly what was
checked. Asking a second time would let the name's owner answer differently.
"""

import socket
from collections.abc import Callable, Sequence
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import Any

from zmey.sources.errors import SourceError, forbidden, unreachable, url_invalid

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
Resolve = Callable[[str, int], Sequence[str]]

# Everything that IANA's registries keep from being a host of the public internet.
SPECIAL_V4 = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
)
# Of IPv6 only global unicast is public, less what is in it for protocols (Teredo among them),
# documentation and 6to4, whose addresses lead to an IPv4 host of their own choice.
GLOBAL_V6 = IPv6Network("2000::/3")
SPECIAL_V6 = tuple(
    IPv6Network(network) for network in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")
)
# Networks without IPv4 reach IPv4 hosts through these, so the host within is what counts.
NAT64 = IPv6Network("64:ff9b::/96")


def system_resolve(host: str, port: int) -> Sequence[str]:
    """Asks the system; numeric forms such as 0x7f.1 come out as the address that they mean."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[4][0]) for address in found]


def is_public(address: Address) -> bool:
    """Tells whether an address is a host of the public internet."""
    if isinstance(address, IPv6Address):
        if address in NAT64:
            return is_public(IPv4Address(address.packed[-4:]))
        return address in GLOBAL_V6 and not any(address in one for one in SPECIAL_V6)
    return not any(address in one for one in SPECIAL_V4)


def parse_address(text: str) -> Address:
    """Reads an address; IPv4 written as IPv6 is IPv4, and where it is reached does not count.

    Raises:
        ValueError: it is none.
    """
    address = ip_address(text.partition("%")[0])
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def parse_network(text: str) -> Network:
    """Reads `10.0.0.0/8` or a single address.

    Raises:
        ValueError: it is none.
    """
    return ip_network(text)


class Gate:
    """Decides which addresses may be visited, and connects to them."""

    def __init__(self, allowed: Sequence[Network], resolve: Resolve = system_resolve) -> None:
        self._allowed = tuple(allowed)
        self._resolve = resolve

    def permits(self, address: Address) -> bool:
        """Tells whether the server may connect to an address."""
        return is_public(address) or any(address in network for network in self._allowed)

    def addresses(self, host: str, port: int) -> list[Address]:
        """Returns the addresses of a host that may be visited; one at least.

        Raises:
            SourceError: the name is unknown, or none of its addresses may be visited.
        """
        try:
            found = self._resolve(host, port)
        except socket.gaierror as error:
            again = error.errno == socket.EAI_AGAIN
            problem = "cannot be looked up now" if again else "is no known host; check its name"
            raise unreachable(host, problem, is_transient=again) from error
        except UnicodeError as error:
            message = f"The host {host} is no name of a host."
            raise url_invalid(message, host=host) from error
        permitted = [one for one in map(parse_address, found) if self.permits(one)]
        if not permitted:
            raise forbidden(host)
        return list(dict.fromkeys(permitted))

    def connect(self, host: str, port: int, seconds: float) -> socket.socket:
        """Connects to the first address of a host that answers.

        Raises:
            SourceError: as `addresses`, or nobody answers.
        """
        problem: OSError | None = None
        for address in self.addresses(host, port):
            try:
                return socket.create_connection((str(address), port), timeout=seconds)
            except OSError as error:
                problem = error
        raise _unanswered(host, port) from problem

    def open_socket(self, info: tuple[Any, ...]) -> socket.socket:
        """Makes the socket for one entry of getaddrinfo; the last look before a connection.

        Raises:
            SourceError: the address may not be visited.
        """
        family, kind, protocol, _, where = info
        if not self.permits(parse_address(str(where[0]))):
            raise forbidden(str(where[0]))
        return socket.socket(family=family, type=kind, proto=protocol)


def _unanswered(host: str, port: int) -> SourceError:
    where = f"{host}:{port}" if ":" not in host else f"[{host}]:{port}"
    return unreachable(where, "does not answer")
