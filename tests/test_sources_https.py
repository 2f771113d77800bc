"""Files from web servers with TLS: who they are has to be proved."""

from pathlib import Path

import pytest

from support.certificates import Certificates, make_certificates
from support.sources import ROWS, Fetching, Resolver, reason, settings, web_server
from zmey.sources import Secret


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def fetching(tmp_path: Path, certificates: Certificates) -> Fetching:
    """Trusts our authority where the secret is named."""
    secret = Secret(hosts=("127.0.0.1", "localhost"), ca_file=str(certificates.authority))
    resolve = Resolver(localhost=[["127.0.0.1"]])
    return Fetching(tmp_path, settings(secrets={"ours": secret}, resolve=resolve))


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_server_that_proves_who_it_is(
    fetching: Fetching, certificates: Certificates, host: str
) -> None:
    with web_server(certificates.context()) as web:
        web.page("/a.csv")
        origin = web.origin.replace("127.0.0.1", host)
        assert fetching.get(f"{origin}/a.csv", secret="ours").path.read_bytes() == ROWS


def test_the_name_is_asked_for(fetching: Fetching, certificates: Certificates) -> None:
    """The connection goes to an address, TLS still speaks of the name."""
    asked: list[str | None] = []
    context = certificates.context()
    context.sni_callback = lambda _, name, __: asked.append(name)
    with web_server(context) as web:
        web.page("/a.csv")
        fetching.get(f"{web.origin.replace('127.0.0.1', 'localhost')}/a.csv", secret="ours")
    assert asked == ["localhost"]


def test_servers_that_are_not_trusted(fetching: Fetching, certificates: Certificates) -> None:
    for file, secret in (
        (certificates.server, ""),
        (certificates.other, "ours"),
        (certificates.expired, "ours"),
    ):
        with web_server(certificates.context(file)) as web:
            web.page("/a.csv")
            error = fetching.refusal(f"{web.origin}/a.csv", secret=secret)
            assert (reason(error), error.is_transient) == ("SOURCE_UNTRUSTED", False)
            assert "ca_file" in error.message
            assert web.asked == [], "nothing is asked before that"


def test_a_server_without_tls(fetching: Fetching) -> None:
    with web_server() as web:
        url = web.origin.replace("http:", "https:")
        error = fetching.refusal(f"{url}/a.csv")
        assert reason(error) == "SOURCE_UNTRUSTED"
        assert "http://" in error.message
