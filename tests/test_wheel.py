"""The wheel is enough for a stranger: stubs, their types, the proto files and the command.

The wheel is built from what `make build` has compiled just before, and installed into an empty
environment. Other packages come from ours: the environment sees them, but not our own zmey.
"""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import pytest

from running_server import RunningServer, clean_environment

ROOT = Path(__file__).resolve().parents[1]
CLIENT = ROOT / "tests" / "stranger_client.py"
PROTOS = sorted(path.name for path in (ROOT / "proto" / "zmey" / "v1").glob("*.proto"))
SECONDS_MAX = 600.0


@dataclass(frozen=True)
class Stranger:
    """An environment with nothing of ours but the wheel."""

    directory: Path

    @property
    def python(self) -> Path:
        return self.directory / "bin" / "python"

    @property
    def packages(self) -> Path:
        release = f"python{sys.version_info.major}.{sys.version_info.minor}"
        return self.directory / "lib" / release / "site-packages"

    @property
    def package(self) -> Path:
        return self.packages / "zmey"

    def run(self, *arguments: str) -> str:
        return run(str(self.python), "-I", *arguments, directory=self.directory)


def run(*command: str, directory: Path) -> str:
    """Runs a command to its good end and returns its output."""
    # The build is asked with the interpreter of `make build`, so that nothing is compiled again.
    ours = str(Path(sys.prefix) / "bin" / "python")
    environment = clean_environment({"PYO3_PYTHON": ours, "ZMEY_PHONENUMBERS_PYTHON": ours})
    environment.pop("PYTHONPATH", None)
    done = subprocess.run(
        command,
        cwd=directory,
        env=environment,
        capture_output=True,
        text=True,
        timeout=SECONDS_MAX,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Stranger:
    directory = tmp_path_factory.mktemp("stranger")
    wheels = directory / "wheels"
    run(
        sys.executable, "-m", "maturin", "build", "--release", "--locked", "--offline", "--quiet",
        "--manifest-path", "native/Cargo.toml", "--out", str(wheels),
        directory=ROOT,
    )  # fmt: skip
    (wheel,) = wheels.glob("zmey-*.whl")
    made = Stranger(directory / "environment")
    venv.create(made.directory, with_pip=False)
    # Path files within a directory named by a path file are not read: our zmey stays unseen.
    ours = sysconfig.get_path("purelib")
    (made.packages / "others.pth").write_text(ours + os.linesep, encoding="utf-8")
    run(
        sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", str(made.python),
        "install", "--quiet", "--no-deps", "--no-index", str(wheel),
        directory=directory,
    )  # fmt: skip
    return made


def test_the_wheel_and_not_the_source_is_used(stranger: Stranger) -> None:
    where = stranger.run("-c", "import zmey; print(zmey.__file__)").strip()
    assert Path(where).is_relative_to(stranger.package)


def test_stubs_types_and_protos_are_inside(stranger: Stranger) -> None:
    assert len(PROTOS) > 5
    for proto in PROTOS:
        stem = proto.removesuffix(".proto")
        for name in (f"{stem}_pb2.py", f"{stem}_pb2.pyi", f"{stem}_pb2_grpc.py"):
            assert (stranger.package / "v1" / name).is_file(), name
        shipped = stranger.package / "proto" / "zmey" / "v1" / proto
        assert shipped.read_bytes() == (ROOT / "proto" / "zmey" / "v1" / proto).read_bytes()
    assert (stranger.package / "py.typed").is_file()


def test_the_shipped_protos_compile_on_their_own(stranger: Stranger, tmp_path: Path) -> None:
    stranger.run(
        "-m", "grpc_tools.protoc", f"--proto_path={stranger.package / 'proto'}",
        f"--python_out={tmp_path}", *(f"zmey/v1/{proto}" for proto in PROTOS),
    )  # fmt: skip
    assert len(list(tmp_path.rglob("*_pb2.py"))) == len(PROTOS)


def test_a_client_calls_a_server(stranger: Stranger, server: RunningServer) -> None:
    assert json.loads(stranger.run(str(CLIENT), server.address)) == {
        "status": "OUTCOME_STATUS_CREATED",
        "name": "Ann",
        "refused": "INVALID_ARGUMENT",
        "imported": ["OUTCOME_STATUS_CREATED", "OUTCOME_STATUS_REJECTED"],
        "contact_id": 2,
    }


def test_the_types_of_a_client_are_checked(stranger: Stranger, tmp_path: Path) -> None:
    program = shutil.copy(CLIENT, tmp_path / "client.py")
    run(
        sys.executable, "-m", "mypy", "--strict", "--python-executable", str(stranger.python),
        "--config-file", os.devnull, "--cache-dir", str(tmp_path / "cache"), str(program),
        directory=tmp_path,
    )  # fmt: skip
    wrong = tmp_path / "wrong.py"
    wrong.write_text(
        "from zmey.v1.space_pb2 import Space\n\nSpace(account_id='1')\n", encoding="utf-8"
    )
    with pytest.raises(AssertionError, match=r"account_id.*int"):
        run(
            sys.executable, "-m", "mypy", "--strict", "--python-executable", str(stranger.python),
            "--config-file", os.devnull, "--cache-dir", str(tmp_path / "cache"), str(wrong),
            directory=tmp_path,
        )  # fmt: skip


def test_the_command_works(stranger: Stranger) -> None:
    command = str(stranger.directory / "bin" / "zmey")
    assert run(command, "--version", directory=stranger.directory).strip() == version("zmey")
    assert "resolve" in run(command, "--help", directory=stranger.directory)
