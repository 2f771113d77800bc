"""Files from web servers: redirects, limits, encodings, credentials, TLS, attempts, folders."""

import base64
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from random import Random

import pytest

from support.sources import NOW, ROWS, Fetching, Web, reason, settings, web_server
from zmey.sources import Secret, SourceCancelledError
from zmey.sources.marks import fill_marks


@pytest.fixture
def web() -> Iterator[Web]:
    with web_server() as running:
        yield running


@pytest.fixture
def fetching(tmp_path: Path) -> Fetching:
    return Fetching(tmp_path)


def test_a_file_is_fetched_as_it_is(web: Web, fetching: Fetching) -> None:
    web.page("/a.csv")
    got = fetching.get(f"{web.origin}/a.csv?x=1&y=%20z")
    assert got.path.read_bytes() == ROWS
    assert got.request is None
    assert web.asked[0][0] == "/a.csv?x=1&y=%20z"
    assert fetching.attempts == [1]


def chunked(*chunks: bytes, end: bytes = b"0\r\n\r\n") -> "Answer":
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        for chunk in chunks:
            handler.wfile.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))
        handler.wfile.write(end)
        handler.close_connection = True

    return Answer(answer)


class Answer:
    """An answer by hand."""

    def __init__(self, write: object) -> None:
        self.write = write

    def __call__(self, handler: BaseHTTPRequestHandler) -> None:
        assert callable(self.write)
        self.write(handler)


def short(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b"only this")
    handler.close_connection = True


def silent(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b"a beginning")
    handler.wfile.flush()
    time.sleep(3)


def dripping(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    for _ in range(100):
        handler.wfile.write(b".")
        handler.wfile.flush()
        time.sleep(0.05)


def test_chunks_and_gzip_are_taken_off(web: Web, fetching: Fetching) -> None:
    web.pages["/chunked"] = chunked(b"member.email\n", b"ann@example.com\n")
    assert fetching.get(f"{web.origin}/chunked").path.read_bytes().endswith(b"ann@example.com\n")
    web.gzipped("/gzip", ROWS * 1000)
    assert fetching.get(f"{web.origin}/gzip").path.read_bytes() == ROWS * 1000


UNREACHABLE = (
    # (name, answer, transient, words of the message)
    ("short", short, True, "breaks off"),
    ("cut", chunked(b"some", end=b""), True, "breaks off"),
    ("silent", silent, True, "says nothing for"),
    ("dripping", dripping, True, "takes longer than"),
)


@pytest.mark.parametrize(
    ("answer", "transient", "words"),
    [row[1:] for row in UNREACHABLE],
    ids=[row[0] for row in UNREACHABLE],
)
def test_answers_that_are_not_whole(
    web: Web, fetching: Fetching, answer: Answer, transient: bool, words: str
) -> None:
    fetching.settings = settings(silence_seconds=0.5, timeout_seconds=1.5)
    web.pages["/a.csv"] = answer
    error = fetching.refusal(f"{web.origin}/a.csv")
    assert reason(error) == "SOURCE_UNREACHABLE"
    assert error.is_transient is transient
    assert words in error.message


STATUSES = (
    # A status, its reason, whether a later attempt may succeed.
    (401, "SOURCE_DENIED", False),
    (403, "SOURCE_DENIED", False),
    (404, "SOURCE_MISSING", True),
    (410, "SOURCE_MISSING", True),
    (204, "SOURCE_UNREACHABLE", False),
    (206, "SOURCE_UNREACHABLE", False),
    (400, "SOURCE_UNREACHABLE", False),
    (408, "SOURCE_UNREACHABLE", True),
    (429, "SOURCE_UNREACHABLE", True),
    (500, "SOURCE_UNREACHABLE", True),
    (503, "SOURCE_UNREACHABLE", True),
)


@pytest.mark.parametrize(("status", "expected", "transient"), STATUSES)
def test_statuses(
    web: Web, fetching: Fetching, status: int, expected: str, transient: bool
) -> None:
    web.page("/a.csv", b"", status)
    error = fetching.refusal(f"{web.origin}/a.csv?token=hidden")
    assert reason(error) == expected
    assert error.is_transient is transient
    assert error.details["url"] == f"{web.origin}/a.csv"
    if expected == "SOURCE_UNREACHABLE":
        assert error.details["status"] == str(status)


def test_a_closed_port_and_an_unknown_name(fetching: Fetching) -> None:
    with web_server() as gone:
        url = gone.origin
    error = fetching.refusal(f"{url}/a.csv")
    assert (reason(error), error.is_transient) == ("SOURCE_UNREACHABLE", True)
    error = fetching.refusal("http://nowhere.invalid/a.csv")
    assert reason(error) == "SOURCE_UNREACHABLE"


def test_the_limit_is_exact(web: Web, fetching: Fetching) -> None:
    fetching.settings = settings(file_bytes_max=1000)
    web.page("/fits", b"x" * 1000)
    assert fetching.get(f"{web.origin}/fits").path.stat().st_size == 1000
    web.page("/over", b"x" * 1001)
    web.pages["/chunked"] = chunked(b"x" * 999, b"xx")
    web.gzipped("/bomb", b"x" * 1001)
    for path in ("/over", "/chunked", "/bomb"):
        error = fetching.refusal(web.origin + path)
        assert reason(error) == "SOURCE_TOO_LARGE", path
        assert error.details["max_bytes"] == "1000"
        assert not error.is_transient


def test_an_endless_answer_is_cut(web: Web, fetching: Fetching) -> None:
    sent: list[int] = []

    def endless(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        while len(sent) < 10_000:
            handler.wfile.write(b"x" * 65_536)
            sent.append(1)

    web.pages["/a.csv"] = endless
    assert reason(fetching.refusal(f"{web.origin}/a.csv")) == "SOURCE_TOO_LARGE"
    assert len(sent) < 1000


def test_a_full_disk_is_no_fault_of_the_source(web: Web, fetching: Fetching) -> None:
    web.page("/a.csv")
    # What is written there does not fit, whatever it is.
    (fetching.folder / "full").mkdir()
    fetching.folder = fetching.folder / "full"
    fetching.before_attempt = lambda _: (fetching.folder / "fetched").symlink_to("/dev/full")
    error = fetching.refusal(f"{web.origin}/a.csv")
    assert (reason(error), error.is_transient) == ("OVERLOADED", True)
    assert "disk" in error.message


def test_broken_gzip(web: Web, fetching: Fetching) -> None:
    web.page("/a.csv", b"no gzip at all", Content_Encoding="gzip")
    assert "gzip" in fetching.refusal(f"{web.origin}/a.csv").message
    web.page("/a.csv", b"x", Content_Encoding="br")
    assert "encoding" in fetching.refusal(f"{web.origin}/a.csv").message


def test_redirects_are_followed_up_to_five(web: Web, fetching: Fetching) -> None:
    web.page("/5")
    for step in range(5):
        web.redirect(f"/{step}", f"{step + 1}", (301, 302, 303, 307, 308)[step])
    assert fetching.get(f"{web.origin}/0").path.read_bytes() == ROWS
    web.redirect("/again", "/0")
    error = fetching.refusal(f"{web.origin}/again")
    assert (reason(error), error.is_transient) == ("SOURCE_UNREACHABLE", False)
    assert "redirects" in error.message


@pytest.mark.parametrize(
    "location",
    ["ftp://127.0.0.1/a", "rfs://upload/a", "file:///etc/passwd", "gopher://a/"],
)
def test_redirects_lead_to_web_servers_only(web: Web, fetching: Fetching, location: str) -> None:
    web.redirect("/a.csv", location)
    assert reason(fetching.refusal(f"{web.origin}/a.csv")) == "SOURCE_URL_INVALID"


def test_credentials_go_to_their_host_only(web: Web, fetching: Fetching) -> None:
    web.page("/a.csv")
    web.redirect("/here", "/a.csv")
    basic = "Basic " + base64.b64encode(b"ann:pa ss").decode()
    host = web.origin.removeprefix("http://")
    fetching.get(f"http://ann:pa%20ss@{host}/here")
    assert web.header("Authorization") == [basic, basic]
    with web_server() as other:
        other.page("/a.csv")
        web.redirect("/there", f"http://bob:secret@{other.origin.removeprefix('http://')}/a.csv")
        fetching.get(f"http://ann:pa%20ss@{host}/there")
        assert other.header("Authorization") == [None]


def test_secrets_are_named_and_bound_to_hosts(web: Web, fetching: Fetching) -> None:
    web.page("/a.csv")
    token = Secret(hosts=("127.0.0.1",), bearer="t0ken")
    elsewhere = Secret(hosts=("example.com",), user="ann", password="pa55")
    fetching.settings = settings(secrets={"crm": token, "other": elsewhere})
    fetching.get(f"{web.origin}/a.csv", secret="crm")
    host = web.origin.removeprefix("http://")
    fetching.get(f"http://authext:crm@{host}/a.csv")
    assert web.header("Authorization") == ["Bearer t0ken", "Bearer t0ken"]
    for name in ("other", "none"):
        error = fetching.refusal(f"{web.origin}/a.csv", secret=name)
        assert reason(error) == "SOURCE_SECRET_UNKNOWN"
        assert error.details == {"secret": name, "host": "127.0.0.1"}
    assert "t0ken" not in repr(fetching.settings)
    assert "pa55" not in repr(fetching.settings)


def test_credentials_are_shown_nowhere(web: Web, fetching: Fetching) -> None:
    host = web.origin.removeprefix("http://")
    error = fetching.refusal(f"http://ann:pa55@{host}/a.csv?key=t0ken")
    shown = f"{error} {error.message} {error.details} {error.__cause__!r}"
    for secret in ("ann", "pa55", "t0ken"):
        assert secret not in shown


def test_a_file_that_comes_later_is_had(web: Web, fetching: Fetching) -> None:
    def come(number: int) -> None:
        if number == 3:
            web.page("/a.csv")

    fetching.before_attempt = come
    got = fetching.get(f"{web.origin}/a.csv", attempts=5, interval_seconds=2)
    assert got.path.read_bytes() == ROWS
    assert fetching.attempts == [1, 2, 3]
    assert sum(fetching.waits) == 4


def test_attempts_end(web: Web, fetching: Fetching) -> None:
    assert reason(fetching.refusal(f"{web.origin}/a.csv", attempts=3)) == "SOURCE_MISSING"
    assert fetching.attempts == [1, 2, 3]
    assert sum(fetching.waits) == 120, "the default interval is 60 seconds"


def test_what_cannot_change_is_not_tried_again(web: Web, fetching: Fetching) -> None:
    web.page("/a.csv", b"", 403)
    fetching.refusal(f"{web.origin}/a.csv", attempts=3)
    assert fetching.attempts == [1]
    assert fetching.waits == []


@pytest.mark.parametrize(
    ("limit", "value", "maximum"), [("attempts", 101, 100), ("interval_seconds", 86_401, 86_400)]
)
def test_attempts_are_bounded(
    web: Web, fetching: Fetching, limit: str, value: int, maximum: int
) -> None:
    web.page("/a.csv")
    fetching.get(f"{web.origin}/a.csv", **{limit: maximum})
    error = fetching.refusal(f"{web.origin}/a.csv?", **{limit: value})
    assert reason(error) == "LIMIT_EXCEEDED"
    assert error.details == {"limit": limit, "max": str(maximum), "actual": str(value)}


def test_cancelling_ends_a_download(web: Web, fetching: Fetching) -> None:
    web.pages["/a.csv"] = silent
    fetching.cancelled = lambda: bool(web.asked)
    started = time.monotonic()
    with pytest.raises(SourceCancelledError):
        fetching.get(f"{web.origin}/a.csv")
    assert time.monotonic() - started < 2
    assert list(fetching.folder.iterdir()) == []


def test_cancelling_ends_waiting(web: Web, fetching: Fetching) -> None:
    fetching.cancelled = lambda: len(fetching.waits) >= 3
    with pytest.raises(SourceCancelledError):
        fetching.get(f"{web.origin}/a.csv", attempts=2, interval_seconds=86_400)
    assert len(fetching.waits) == 3


FOLDERS = (
    # (files of the folder, the file that is taken)
    ({"request.json": b"{}", "data.csv": b"1", "import.csv": b"2"}, b"1"),
    ({"request.json": b"{}", "import.csv": b"2"}, b"2"),
    ({"request.json": b'{"content_type": "xlsx"}', "data.xlsx": b"3", "data.csv": b"1"}, b"3"),
    ({"request.json": b'{"content_type": "json"}', "import.json": b"4"}, b"4"),
)


@pytest.mark.parametrize(("files", "expected"), FOLDERS)
def test_folders(web: Web, fetching: Fetching, files: dict[str, bytes], expected: bytes) -> None:
    for name, content in files.items():
        web.page(f"/dir/{name}", content)
    got = fetching.get(f"{web.origin}/dir/")
    assert got.path.read_bytes() == expected
    assert got.request is not None
    assert web.asked[0][0] == "/dir/request.json"


BROKEN_FOLDERS: tuple[tuple[dict[str, bytes], str, str], ...] = (
    # (files of the folder, reason, words of the message)
    ({}, "SOURCE_MISSING", "request.json"),
    ({"data.csv": b"1"}, "SOURCE_MISSING", "request.json"),
    ({"request.json": b"{}"}, "SOURCE_MISSING", "import.csv"),
    ({"request.json": b"{"}, "SOURCE_FILE_INVALID", "is no JSON"),
    ({"request.json": b"[]"}, "SOURCE_FILE_INVALID", "no JSON object"),
    ({"request.json": b'{"content_type": "../x"}'}, "SOURCE_FILE_INVALID", "content_type"),
    ({"request.json": b'{"content_type": 7}'}, "SOURCE_FILE_INVALID", "content_type"),
    ({"request.json": b" " * 1_048_577}, "SOURCE_TOO_LARGE", "request.json"),
)


@pytest.mark.parametrize(("files", "expected", "words"), BROKEN_FOLDERS)
def test_broken_folders(
    web: Web, fetching: Fetching, files: dict[str, bytes], expected: str, words: str
) -> None:
    fetching.settings = settings(file_bytes_max=10_000_000)
    for name, content in files.items():
        web.page(f"/dir/{name}", content)
    error = fetching.refusal(f"{web.origin}/dir/")
    assert reason(error) == expected
    assert words in error.message


def test_what_request_json_says_is_handed_on(web: Web, fetching: Fetching) -> None:
    web.page("/dir/request.json", b'{"addr_type": "email", "caption": [1]}')
    web.page("/dir/data.csv")
    assert fetching.get(f"{web.origin}/dir/").request == {"addr_type": "email", "caption": [1]}


def test_an_url_with_a_query_is_no_folder(web: Web, fetching: Fetching) -> None:
    web.page("/export/")
    assert fetching.get(f"{web.origin}/export/?format=csv").request is None


MARKS = (
    # An url with marks, and filled; None where it is refused.
    ("http://a/b.csv", "http://a/b.csv"),
    ("http://a/{YYYY-MM-DD}.csv", "http://a/2026-03-31.csv"),
    ("http://a/{YYYYMMDD}_{hhmmss}.csv", "http://a/20260331_120509.csv"),
    ("{YY}/{MM}/{DD}/{hh}/{mm}/{ss}", "26/03/31/12/05/09"),
    ("{YYYY-MM-DDThh:mm:ss}", "2026-03-31T12:05:09"),
    ("{DD.MM.YYYY}", "31.03.2026"),
    ("{YYYY-MM-DD - 1 day}", "2026-03-30"),
    ("{YYYY-MM-DD-1day}", "2026-03-30"),
    ("{YYYYMMDD + 1 days}", "20260401"),
    ("{YYYY-MM-DD - 1 month}", "2026-02-28"),
    ("{YYYY-MM - 1 MONTH}", "2026-02"),
    ("{YYYY-MM-DD + 1 month - 1 day}", "2026-04-29"),
    ("{YYYY-MM-DD - 2 years}", "2024-03-31"),
    ("{YYYY-MM-DD - 25 months}", "2024-02-29"),
    ("{DD - 2 weeks}", "17"),
    ("{DD hh}", None),
    ("{hh - 13 hours}{mm + 55 minutes}{ss - 10 seconds}", "230059"),
    ("{YMD}", None),
    ("{YYYY-MM-DD - day}", None),
    ("{YYYY-MM-DD - 1 fortnight}", None),
    ("{YYYY-MM-DD 1 day}", None),
    ("{YYYY - 99999 years}", None),
    ("{YYYY + 999999999 days}", None),
    ("{rnd}", None),
    ("{}", None),
    ("{YYYY", None),
    ("YYYY}", None),
)


@pytest.mark.parametrize(("url", "expected"), MARKS)
def test_marks(fetching: Fetching, url: str, expected: str | None) -> None:
    if expected is None:
        assert reason(fetching.refusal(f"http://127.0.0.1/{url}")) == "SOURCE_URL_INVALID"
    else:
        assert fill_marks(url, NOW, Random(7)) == expected


def test_random_marks_of_one_url_agree() -> None:
    first, _, second = fill_marks("{RND}/{RND}", NOW, Random(7)).partition("/")
    assert first == second
    assert len(first) == 19
    assert fill_marks("{RND}", NOW, Random(8)) != first


def test_marks_reach_the_server(web: Web, fetching: Fetching) -> None:
    web.page("/2026-03-30.csv")
    fetching.get(f"{web.origin}/{{YYYY-MM-DD - 1 day}}.csv?{{RND}}")
    assert web.asked[0][0].startswith("/2026-03-30.csv?")


URLS = (
    # (url, words of the message)
    ("", "no scheme"),
    ("a.csv", "no scheme"),
    ("//a/b", "no scheme"),
    ("http:/a/b", "no scheme"),
    ("http://", "no host"),
    ("http:///a", "no host"),
    ("http://a b/", "encode them"),
    ("http://a\tb/", "encode them"),
    ("http://a/\x00", "encode them"),
    ("http://a\\@b/", "encode them"),
    ("http://a:x/", "form https"),
    ("http://a:70000/", "form https"),
    ("http://a:0/", "port 0"),
    ("http://[::1/", "form https"),
    ("http://[v1.a]/", "brackets"),
    ("http://a%2eb/", "no name"),
    ("http://a,b/", "no name"),
    ("http://" + "a." * 200 + "b/", "no name"),
    ("gopher://a/b", "known are http://"),
    ("file:///etc/passwd", "known are http://"),
    ("gbd://authext:7@set/table", "BigQuery) is not supported"),
    ("amocrm://authext:7@/", "amoCRM) is not supported"),
    ("bitrix24:///", "Bitrix24) is not supported"),
    ("soap://a/", "SOAP) is not supported"),
    ("soaps://a/", "SOAP) is not supported"),
    ("http://a/" + "x" * 8_192, "8192 bytes"),
)


@pytest.mark.parametrize(("url", "words"), URLS)
def test_urls_that_are_none(fetching: Fetching, url: str, words: str) -> None:
    error = fetching.refusal(url)
    assert reason(error) == "SOURCE_URL_INVALID"
    assert words in error.message
    assert fetching.attempts == []
