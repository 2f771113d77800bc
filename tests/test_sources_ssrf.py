"""Promise 15: imports reach nothing but public addresses and what an operator allows.

Gate: not one connection at a canary on loopback, whichever way its address is written, resolved or
redirected to.
"""

import socket
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path

import pytest

from support.sources import LOOPBACK, Canary, Fetching, Resolver, reason, settings, web_server
from zmey.sources.addresses import Gate, is_public, parse_address, parse_network

SCHEMES = ("http", "https")


@pytest.fixture(scope="module")
def canary() -> Iterator[Canary]:
    listener = Canary()
    yield listener
    listener.close()


@pytest.fixture
def guarded(tmp_path: Path) -> Fetching:
    """A server that may visit nothing but the public internet."""
    return Fetching(tmp_path, settings(allowed_networks=(), silence_seconds=1.0))


def test_the_canary_hears(canary: Canary, tmp_path: Path) -> None:
    """Without this the others could pass on nothing."""
    socket.create_connection(("127.0.0.1", canary.port)).close()
    assert canary.heard() == 1
    allowed = Fetching(tmp_path, settings(silence_seconds=0.3))
    assert reason(allowed.refusal(f"http://127.0.0.1:{canary.port}/")) == "SOURCE_UNREACHABLE"
    assert canary.heard() == 1


LOOPBACK_FORMS = (
    "127.0.0.1",
    "127.0.0.2",
    "127.1",
    "0x7f.1",
    "0x7f000001",
    "0177.0.0.1",
    "2130706433",
    "0",
    "0.0.0.0",
    "localhost",
    "LOCALHOST",
    "localhost.",
    "127.0.0.1.",
    "[::1]",
    "[::]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[0:0:0:0:0:ffff:7f00:0001]",
    "[::127.0.0.1]",
    "[64:ff9b::127.0.0.1]",
    "[64:ff9b:1::7f00:1]",
    "[2002:7f00:1::]",
    "[2001:0:7f00:1::80ff:fffe]",
    "①②⑦.⓪.⓪.①",
    "127。0。0。1",
    "user@127.0.0.1",
    "example.com@127.0.0.1",
)


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("host", LOOPBACK_FORMS)
def test_loopback_is_not_reached(canary: Canary, guarded: Fetching, scheme: str, host: str) -> None:
    error = guarded.refusal(f"{scheme}://{host}:{canary.port}/a.csv", attempts=3)
    assert canary.heard() == 0
    # A form that the system does not read as an address at all is refused as unknown.
    assert reason(error) in {"SOURCE_FORBIDDEN", "SOURCE_UNREACHABLE", "SOURCE_URL_INVALID"}
    if host in {"127.0.0.1", "0x7f.1", "2130706433", "0177.0.0.1", "[::ffff:127.0.0.1]"}:
        assert reason(error) == "SOURCE_FORBIDDEN"
        assert guarded.attempts == [1], "what is forbidden stays so"
        assert "allowed_networks" in error.message


ADDRESSES = (
    ("8.8.8.8", True),
    ("93.184.216.34", True),
    ("2606:4700::1111", True),
    ("2a02:6b8::feed:ff", True),
    ("::ffff:8.8.8.8", True),
    ("64:ff9b::8.8.8.8", True),
    ("0.0.0.0", False),
    ("0.1.2.3", False),
    ("10.255.255.255", False),
    ("100.63.255.255", True),
    ("100.64.0.0", False),
    ("100.127.255.255", False),
    ("127.255.255.255", False),
    ("169.254.169.254", False),
    ("172.15.255.255", True),
    ("172.16.0.0", False),
    ("172.31.255.255", False),
    ("192.0.0.8", False),
    ("192.0.2.1", False),
    ("192.88.99.1", False),
    ("192.168.0.1", False),
    ("198.18.0.1", False),
    ("198.51.100.7", False),
    ("203.0.113.7", False),
    ("224.0.0.1", False),
    ("239.255.255.255", False),
    ("240.0.0.1", False),
    ("255.255.255.255", False),
    ("::", False),
    ("::1", False),
    ("::7f00:1", False),
    ("::ffff:10.0.0.1", False),
    ("64:ff9b::10.0.0.1", False),
    ("64:ff9b:1::8.8.8.8", False),
    ("100::1", False),
    ("2001::1", False),
    ("2001:db8::1", False),
    ("2002:0808:0808::1", False),
    ("3fff::1", False),
    ("4000::1", False),
    ("fc00::1", False),
    ("fd12::1", False),
    ("fe80::1", False),
    ("fe80::1%eth0", False),
    ("fec0::1", False),
    ("ff02::1", False),
)


@pytest.mark.parametrize(("address", "public"), ADDRESSES)
def test_which_addresses_are_public(address: str, public: bool) -> None:
    assert is_public(parse_address(address)) is public
    assert Gate(()).permits(parse_address(address)) is public


@pytest.mark.parametrize(
    ("allowed", "address", "permitted"),
    [
        ("10.1.0.0/16", "10.1.2.3", True),
        ("10.1.0.0/16", "::ffff:10.1.2.3", True),
        ("10.1.0.0/16", "10.2.0.1", False),
        ("127.0.0.1", "127.0.0.1", True),
        ("127.0.0.1", "127.0.0.2", False),
        ("fd00::/8", "fd12::1", True),
        ("fd00::/8", "10.1.2.3", False),
    ],
)
def test_operators_allow_networks(allowed: str, address: str, permitted: bool) -> None:
    assert Gate((parse_network(allowed),)).permits(parse_address(address)) is permitted


@pytest.mark.parametrize(
    "answer",
    [["127.0.0.1"], ["::1"], ["::ffff:127.0.0.1"], ["10.0.0.1", "127.0.0.1"], ["fe80::1%lo"]],
)
def test_names_that_lead_inside(canary: Canary, guarded: Fetching, answer: list[str]) -> None:
    guarded.settings = settings(allowed_networks=(), resolve=Resolver(evil_example=[answer]))
    error = guarded.refusal(f"http://evil.example:{canary.port}/a.csv")
    assert reason(error) == "SOURCE_FORBIDDEN"
    assert error.details == {"host": "evil.example"}
    assert "127" not in error.message, "callers are not told what inner names mean"
    assert canary.heard() == 0


def test_only_checked_addresses_are_visited(canary: Canary, tmp_path: Path) -> None:
    """A name with a permitted and a forbidden address: the second one is not tried either."""
    resolve = Resolver(both_example=[["127.0.0.7", "127.0.0.1"]])
    allowed = settings(allowed_networks=(parse_network("127.0.0.7"),), resolve=resolve)
    error = Fetching(tmp_path, allowed).refusal(f"http://both.example:{canary.port}/")
    assert reason(error) == "SOURCE_UNREACHABLE"
    assert canary.heard() == 0


def test_a_name_that_changes_its_answer(canary: Canary, tmp_path: Path) -> None:
    """DNS rebinding: what is connected to is what was checked, and nobody asks again."""
    with web_server(host="127.0.0.7") as web:
        web.page("/a.csv", b"harmless")
        port = int(web.origin.rpartition(":")[2])
        resolve = Resolver(turn_example=[["127.0.0.7"], ["127.0.0.1"]])
        allowed = settings(allowed_networks=(parse_network("127.0.0.7"),), resolve=resolve)
        fetching = Fetching(tmp_path, allowed)
        got = fetching.get(f"http://turn.example:{port}/a.csv")
        assert got.path.read_bytes() == b"harmless"
        assert resolve.asked == ["turn.example"]
        assert web.header("Host") == [f"turn.example:{port}"]
        # Now the name leads to the canary: each connection is checked by itself.
        error = fetching.refusal(f"http://turn.example:{canary.port}/a.csv")
        assert reason(error) == "SOURCE_FORBIDDEN"
        assert canary.heard() == 0


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "2130706433", "[::ffff:127.0.0.1]", "inner.example"]
)
def test_redirects_do_not_lead_inside(canary: Canary, tmp_path: Path, host: str) -> None:
    with web_server(host="127.0.0.7") as web:
        web.redirect("/a.csv", f"http://{host}:{canary.port}/a.csv")
        web.redirect("/b.csv", f"//{host}:{canary.port}/a.csv")
        web.redirect("/c.csv", "/a.csv")
        resolve = Resolver(inner_example=[["127.0.0.1"]])
        allowed = settings(allowed_networks=(parse_network("127.0.0.7"),), resolve=resolve)
        for path in ("a", "b", "c"):
            error = Fetching(tmp_path, allowed).refusal(f"{web.origin}/{path}.csv")
            assert reason(error) == "SOURCE_FORBIDDEN"
        assert len(web.asked) == 4
    assert canary.heard() == 0


def test_a_folder_does_not_lead_inside(canary: Canary, tmp_path: Path) -> None:
    with web_server(host="127.0.0.7") as web:
        web.page("/dir/request.json", b"{}")
        web.redirect("/dir/data.csv", f"http://127.0.0.1:{canary.port}/a.csv")
        allowed = settings(allowed_networks=(parse_network("127.0.0.7"),))
        error = Fetching(tmp_path, allowed).refusal(f"{web.origin}/dir/")
        assert reason(error) == "SOURCE_FORBIDDEN"
    assert canary.heard() == 0


def test_proxies_of_the_environment_are_not_used(
    canary: Canary, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "https_proxy", "ftp_proxy", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{canary.port}")
        monkeypatch.setenv(name.upper(), f"http://127.0.0.1:{canary.port}")
    with web_server(host="127.0.0.7") as web:
        web.page("/a.csv", b"direct")
        got = Fetching(tmp_path, settings()).get(f"{web.origin}/a.csv")
        assert got.path.read_bytes() == b"direct"
    assert canary.heard() == 0


def test_the_last_look_is_at_the_socket() -> None:
    """Whatever a library makes of a host, the gate sees the address that it connects to."""
    gate = Gate((parse_network("127.0.0.7"),))
    tcp = (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "")
    gate.open_socket((*tcp, ("127.0.0.7", 80))).close()
    with pytest.raises(Exception, match="does not visit"):
        gate.open_socket((*tcp, ("127.0.0.1", 80)))


def test_the_system_reads_numeric_forms() -> None:
    """The table above would prove nothing if these were no addresses to the system."""
    for host in ("127.1", "0x7f.1", "2130706433", "0177.0.0.1"):
        gate = Gate(LOOPBACK)
        assert gate.addresses(host, 80) == [ip_address("127.0.0.1")], host
