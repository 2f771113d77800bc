"""The repository keeps its own house numbers; every check asserts that it saw files.

Caps: 500 lines a file (700 for tests), 70 lines a function, 100 columns. Layers: one file knows
PyO3, one each engine, one the bytes of keys; only the Python package knows gRPC's server side.
"""

import ast
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FILE_LINES_MAX = 500
TEST_FILE_LINES_MAX = 700
FUNCTION_LINES_MAX = 70
COLUMNS_MAX = 100
# Data and vectors are measured in records, not in lines of code.
DATA = ("tests/data/", "native/fuzz/corpus/")
GENERATED = ("server/zmey/v1/", "server/zmey/proto/", "tests/generated/")
CODE_SUFFIXES = (".py", ".pyi", ".rs", ".proto")


@cache
def tracked() -> tuple[str, ...]:
    """Lists the files of the repository as git knows them, new ones too, ignored ones not."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return tuple(name for name in listed.stdout.splitlines() if (ROOT / name).is_file())


def files(*suffixes: str, under: str = "") -> list[str]:
    """Returns the tracked files with a suffix; at least one."""
    found = [
        name
        for name in tracked()
        if name.endswith(suffixes) and name.startswith(under) and not name.startswith(DATA)
    ]
    assert found, f"no {suffixes} under {under or 'the repository'}"
    return found


def text_of(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def test_the_repository_is_seen() -> None:
    assert len(files(*CODE_SUFFIXES)) > 40
    assert "native/src/lib.rs" in tracked()
    assert "server/zmey/_native.pyi" in tracked()


@pytest.mark.parametrize("name", files(*CODE_SUFFIXES))
def test_files_are_short_and_narrow(name: str) -> None:
    lines = text_of(name).splitlines()
    is_test = name.startswith("tests/") or name.endswith("tests.rs") or "/tests/" in name
    assert len(lines) <= (TEST_FILE_LINES_MAX if is_test else FILE_LINES_MAX)
    wide = [number for number, line in enumerate(lines, 1) if len(line) > COLUMNS_MAX]
    assert not wide, f"lines over {COLUMNS_MAX} columns: {wide}"


def python_functions(name: str) -> Iterator[tuple[str, int]]:
    for node in ast.walk(ast.parse(text_of(name))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno is not None
            yield node.name, node.end_lineno - node.lineno + 1


RUST_FUNCTION = re.compile(
    r'^( *)(?:pub(?:\([a-z :]+\))? )?(?:(?:const|async|unsafe|extern "C") )*fn (\w+)'
)


def rust_functions(name: str) -> Iterator[tuple[str, int]]:
    """Yields functions with their lengths: rustfmt closes each at the indent where it begins."""
    lines = [line.rstrip() for line in text_of(name).splitlines()]
    for start, line in enumerate(lines):
        found = RUST_FUNCTION.match(line)
        if found is None:
            continue
        opened = False
        for end in range(start, len(lines)):
            declared_or_one_line = not opened and lines[end].endswith((";", "}"))
            opened = opened or lines[end].endswith("{")
            if declared_or_one_line or (opened and lines[end] == f"{found[1]}}}"):
                yield found[2], end - start + 1
                break


def test_functions_are_short() -> None:
    seen = {".py": 0, ".rs": 0}
    long: list[str] = []
    for suffix, functions in ((".py", python_functions), (".rs", rust_functions)):
        for name in files(suffix):
            for function, lines in functions(name):
                seen[suffix] += 1
                # The one exhaustive match from reasons to codes grows with the contract.
                table = name.endswith("fault.rs") and function == "code"
                if lines > FUNCTION_LINES_MAX and not table:
                    long.append(f"{name}: {function} has {lines} lines")
    assert not long
    assert all(count > 20 for count in seen.values()), seen


def test_the_scan_of_rust_finds_ends() -> None:
    lengths = dict(rust_functions("native/src/fault.rs"))
    assert lengths["status"] == 9
    assert lengths["code"] > FUNCTION_LINES_MAX
    trait = dict(rust_functions("native/src/store/mod.rs"))
    assert trait["stats"] == 1
    assert trait["get_many"] == 6


@pytest.mark.parametrize("name", files(".py", ".pyi", ".rs"))
def test_modules_say_what_they_are(name: str) -> None:
    text = text_of(name)
    if name.endswith(".rs"):
        # Inner attributes such as #![no_main] may stand above.
        body = [line for line in text.splitlines() if line and not line.startswith("#![")]
        documented = bool(body) and body[0].startswith("//!")
    else:
        documented = text == "" or ast.get_docstring(ast.parse(text)) is not None
    assert documented


def test_no_unfinished_business() -> None:
    marks = re.compile(r"\b(?:T[O]DO|F[I]XME|X[X]X|H[A]CK)\b(?! \(#\d+\))")
    stubs = re.compile(r"\b(?:todo|unimplemented)!\(")
    for name in files(*CODE_SUFFIXES, ".toml", "Makefile", ".md"):
        text = text_of(name)
        assert not marks.search(text), name
        assert not stubs.search(text), name


def test_nothing_of_one_machine() -> None:
    paths = re.compile(r"(?<![\w.])/(?:work|home|root|Users)/\w")
    names = [name for name in tracked() if not name.startswith(DATA)]
    for name in names:
        try:
            text = text_of(name)
        except UnicodeDecodeError:
            continue
        found = paths.search(text)
        assert found is None, f"{name}: {found}"
    assert len(names) > 40


def test_nothing_generated_is_tracked() -> None:
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    assert listed
    generated = re.compile(r"_pb2(?:_grpc)?\.pyi?$|\.so$|\.pyc$|^target/|^dist/")
    assert not [name for name in listed if name.startswith(GENERATED) or generated.search(name)]


def mentions(word: str, under: str, suffix: str) -> set[str]:
    """Returns the files whose code, comments aside, mentions a word."""
    pattern = re.compile(word)
    comment = re.compile(r"^\s*(?://|#).*$", re.MULTILINE)
    return {
        name
        for name in files(suffix, under=under)
        if pattern.search(comment.sub("", text_of(name)))
    }


LAYERS = (
    # (what, where code may name it, suffix, the files that may)
    (r"\bpyo3\b", "native/src/", ".rs", r"native/src/python(/\w+)?\.rs"),
    (r"\bheed\b", "native/src/", ".rs", r"native/src/store/lmdb(_tests)?\.rs"),
    (r"\b(?:tonic|hyper|TcpListener|TcpStream|UnixListener|UdpSocket)\b", "native/src/", ".rs", ""),
    # Integers become bytes, and bytes integers, where keys are made and parsed.
    (r"\b(?:to_be_bytes|from_be_bytes)\b", "native/src/", ".rs",
     r"native/src/store/(?:keys|dump)\.rs|.*tests\.rs"),
    # Servers in tests are real ones; only what stands between them is our own.
    (r"\bgrpc\.server\b", "tests/", ".py", r"tests/support/grpc_peer\.py"),
    (r"\bgrpc\.server\b", "benchmarks/", ".py", r"benchmarks/\w*echo\w*\.py"),
    # Sources get their connections from the gate, which checks where they lead.
    (r"\b(?:create_connection|getaddrinfo|open_connection)\b", "server/zmey/sources/", ".py",
     r"server/zmey/sources/addresses\.py"),
    (r"\bzipfile\b|\bgzip\.open\b", "server/", ".py", r"server/zmey/sources/child\.py"),
    (r"os\.fork\b|get_context\(.fork", "server/", ".py", ""),
)  # fmt: skip


@pytest.mark.parametrize(("word", "under", "suffix", "allowed"), LAYERS)
def test_layers(word: str, under: str, suffix: str, allowed: str) -> None:
    if not any(name.startswith(under) for name in tracked()):
        pytest.skip(f"nothing lies under {under}")
    found = mentions(word, under, suffix)
    assert {name for name in found if not re.fullmatch(allowed, name)} == set()


def test_the_clock_is_asked_in_one_place() -> None:
    """Planning takes the moment as an argument, so that a batch can be replayed."""
    clocks = r"\b(?:SystemTime::now|Timestamp::now|Zoned::now|rand::random)\b"
    asking = {name for name in mentions(clocks, "native/src/", ".rs") if "tests" not in name}
    # The border gives the core its clock; the lock of a store says since when it is held.
    assert asking == {"native/src/python.rs", "native/src/store/owner.rs"}


def test_ignored_lints_have_reasons() -> None:
    bare = re.compile(r"#!?\[(?:allow|expect)\((?:(?!reason)[^\]])*\]", re.DOTALL)
    for name in files(".rs"):
        found = bare.search(text_of(name))
        assert found is None, f"{name}: {found}"


def test_unsafe_blocks_say_why() -> None:
    for name in files(".rs", under="native/src/"):
        lines = text_of(name).splitlines()
        for number, line in enumerate(lines):
            if re.search(r"\bunsafe \{", line.split("//")[0]):
                above = "\n".join(lines[max(0, number - 5) : number])
                assert "SAFETY:" in above, f"{name}:{number + 1}"
