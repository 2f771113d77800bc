"""Files of the upload folder, and that nothing outside it can be had."""

import os
from pathlib import Path

import pytest

from support.sources import ROWS, Fetching, reason, settings


@pytest.fixture
def uploads(tmp_path: Path) -> Path:
    """An upload folder with a neighbour that is nobody's business."""
    folder = tmp_path / "uploads"
    (folder / "in" / "ner").mkdir(parents=True)
    (tmp_path / "outside.csv").write_bytes(b"secret")
    (folder / "a.csv").write_bytes(ROWS)
    (folder / "in" / "ner" / "имя 1.csv").write_bytes(ROWS)
    return folder


@pytest.fixture
def fetching(tmp_path: Path, uploads: Path) -> Fetching:
    into = tmp_path / "into"
    into.mkdir()
    return Fetching(into, settings(upload_folder=uploads, file_bytes_max=1000))


@pytest.mark.parametrize(
    "path", ["a.csv", "in/ner/имя%201.csv", "in/ner/%D0%B8%D0%BC%D1%8F%201.csv"]
)
def test_files_are_copied(fetching: Fetching, path: str) -> None:
    assert fetching.get(f"rfs://upload/{path}").path.read_bytes() == ROWS


ESCAPES = (
    "../outside.csv",
    "in/../../outside.csv",
    "in/../a.csv",
    "./a.csv",
    "%2e%2e/outside.csv",
    "%2e%2e%2foutside.csv",
    "..%2foutside.csv",
    "in%2fner",
    "/etc/passwd",
    "//etc/passwd",
    "%2fetc%2fpasswd",
    "a.csv%00",
    "..",
    "in//a.csv",
)


@pytest.mark.parametrize("path", ESCAPES)
def test_paths_stay_within(fetching: Fetching, path: str) -> None:
    error = fetching.refusal(f"rfs://upload/{path}")
    assert reason(error) == "SOURCE_URL_INVALID"
    assert "within" in error.message


@pytest.mark.parametrize(
    "url",
    [
        "rfs://upload",
        "rfs://other/a.csv",
        "rfs:///a.csv",
        "rfs://upload:80/a.csv",
        "rfs://ann@upload/a.csv",
        "rfs://upload/a.csv?x",
    ],
)
def test_only_one_form_is_taken(fetching: Fetching, url: str) -> None:
    assert reason(fetching.refusal(url)) == "SOURCE_URL_INVALID"


def test_links_lead_nowhere(fetching: Fetching, uploads: Path) -> None:
    (uploads / "link.csv").symlink_to(uploads.parent / "outside.csv")
    (uploads / "up").symlink_to(uploads.parent)
    (uploads / "self.csv").symlink_to(uploads / "a.csv")
    for path in ("link.csv", "up/outside.csv", "self.csv"):
        assert reason(fetching.refusal(f"rfs://upload/{path}")) == "SOURCE_MISSING", path


def test_only_files_are_files(fetching: Fetching, uploads: Path) -> None:
    os.mkfifo(uploads / "pipe")
    for path in ("pipe", "in", "nothing.csv", "a.csv/b"):
        error = fetching.refusal(f"rfs://upload/{path}")
        assert (reason(error), error.is_transient) == ("SOURCE_MISSING", True), path


def test_the_limit_counts(fetching: Fetching, uploads: Path) -> None:
    (uploads / "fits.csv").write_bytes(b"x" * 1000)
    (uploads / "over.csv").write_bytes(b"x" * 1001)
    assert fetching.get("rfs://upload/fits.csv").path.stat().st_size == 1000
    assert reason(fetching.refusal("rfs://upload/over.csv")) == "SOURCE_TOO_LARGE"


def test_folders(fetching: Fetching, uploads: Path) -> None:
    assert reason(fetching.refusal("rfs://upload/in/")) == "SOURCE_MISSING"
    (uploads / "in" / "request.json").write_bytes(b'{"content_type": "txt"}')
    (uploads / "in" / "data.txt").write_bytes(ROWS)
    got = fetching.get("rfs://upload/in/")
    assert got.path.read_bytes() == ROWS
    assert got.request == {"content_type": "txt"}
    (uploads / "request.json").write_bytes(b"{}")
    (uploads / "import.csv").write_bytes(ROWS)
    assert fetching.get("rfs://upload/").path.read_bytes() == ROWS


def test_without_a_folder_there_are_no_files(tmp_path: Path) -> None:
    error = Fetching(tmp_path, settings()).refusal("rfs://upload/a.csv")
    assert reason(error) == "SOURCE_URL_INVALID"
    assert "upload_folder" in error.message
