"""What the demonstration plays on: a directory, a real server, real commands, a narrator."""

import os
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from shlex import join

from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.panel import Panel
from rich.rule import Rule

from running_server import RunningServer
from zmey.client import Client

# Where the output is no terminal, its lines are as long as those of this repository.
COLUMNS_DEFAULT = 100
COMMAND_SECONDS_MAX = 120.0
READ_BYTES = 4096

# American phone numbers may lack their country code: 702-919-1300.
SPACES = '[{"account_id": 1, "db_id": 1, "default_region": "US"}]'


class DemoError(Exception):
    """The demonstration did not show what it promises; the message is one line."""


class Stage:
    """One performance."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.store = directory / "store"
        self.console = Console(highlight=False)
        if not self.console.is_terminal:
            self.console = Console(highlight=False, width=COLUMNS_DEFAULT)
        self._server: RunningServer | None = None
        self._commands: set[Command] = set()
        self._acts = 0

    @property
    def server(self) -> RunningServer:
        """The server that runs now."""
        if self._server is None:
            message = "no server runs"
            raise DemoError(message)
        return self._server

    def title(self, text: str) -> None:
        """Opens the performance."""
        self.console.print(Panel(text, style="bold", expand=False))

    def act(self, title: str, text: str) -> None:
        """Announces what comes next and why it is worth watching."""
        self._acts += 1
        self.console.print()
        self.console.print(Rule(f"[bold]{self._acts}. {title}[/]", align="left"))
        self.say(text)

    def say(self, text: str) -> None:
        """Prints a paragraph."""
        self.console.print(text)

    def show(self, view: RenderableType) -> None:
        """Prints something that is no text."""
        self.console.print(Padding(view, (0, 0, 0, 2)))

    def fail(self, reason: str) -> None:
        """Says in one line what went wrong."""
        Console(stderr=True, highlight=False, soft_wrap=True).print(
            f"[bold red]demo failed:[/] {reason}"
        )

    def done(self, seconds: float) -> None:
        """Closes the performance."""
        self.console.print(f"\n[bold green]Done[/] in {seconds:.0f} s; nothing was left behind.")

    def start_server(self) -> None:
        """Starts `zmey serve` on the store, which is made where there is none."""
        serve = ["serve", "--store-path", str(self.store), "--spaces", SPACES]
        self._show_command(["serve", "--store-path", "./store", *serve[3:]])
        try:
            self._server = RunningServer(self.store, *serve[3:])
        except AssertionError as error:
            raise DemoError(" ".join(str(error).split())) from error
        server = self._server
        self.say(f"[dim]process {server.pid} answers at {server.address}[/]")

    def kill_server(self) -> None:
        """Sends SIGKILL: the process gets no chance to write or close anything."""
        self.server.kill()
        self._server = None

    def stop_server(self) -> None:
        """Sends SIGTERM and checks that the server drains and ends well."""
        code = self.server.terminate()
        self._server = None
        self.require(code == 0, f"the server ended with exit code {code} after SIGTERM")

    def client(self) -> Client:
        """Connects to the server."""
        return Client(self.server.address)

    def run(self, *arguments: str, expected: int = 0) -> None:
        """Shows and runs one command; another exit code than the expected one is a failure."""
        code, _ = self.start(*arguments).wait()
        self.require(
            code == expected, f"`zmey {join(arguments)}` ended with {code}, not with {expected}"
        )

    def start(self, *arguments: str) -> "Command":
        """Shows and starts one command."""
        self._show_command(arguments)
        command = Command(arguments, self.directory, self._environment())
        self._commands.add(command)
        return command

    def read(self, *arguments: str) -> str:
        """Runs one command unseen and returns what it prints."""
        done = subprocess.run(
            [sys.executable, "-m", "zmey", *arguments],
            cwd=self.directory,
            env=self._environment(),
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS_MAX,
            check=False,
        )
        self.require(done.returncode == 0, f"`zmey {join(arguments)}`: {done.stderr.strip()}")
        return done.stdout

    def require(self, met: bool, otherwise: str) -> None:
        """Ends the demonstration where it would show something untrue."""
        if not met:
            raise DemoError(otherwise)

    def close(self) -> None:
        """Ends every process that is left."""
        for command in self._commands:
            command.kill()
        if self._server is not None:
            self._server.kill()

    def _show_command(self, arguments: Sequence[str]) -> None:
        self.console.print(f"\n[bold cyan]$ zmey {join(arguments)}[/]", soft_wrap=True)
        sys.stdout.flush()

    def _environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("ZMEY_")}
        kept["COLUMNS"] = str(self.console.width)
        if sys.stderr.isatty():
            # The progress bar goes through a pipe on its way to this terminal.
            kept["TTY_COMPATIBLE"] = "1"
        if self._server is not None:
            kept["ZMEY_ADDRESS"] = self._server.address
        return kept


class Command:
    """A running `zmey` command: its output is shown, its stderr is remembered too."""

    def __init__(
        self, arguments: Sequence[str], directory: Path, environment: Mapping[str, str]
    ) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "zmey", *arguments],
            cwd=directory,
            env=environment,
            stderr=subprocess.PIPE,
        )
        self._stderr = bytearray()
        self._reader = threading.Thread(target=self._copy, daemon=True)
        self._reader.start()

    @property
    def running(self) -> bool:
        """Whether it has not ended yet."""
        return self._process.poll() is None

    def wait(self) -> tuple[int, str]:
        """Returns the exit code and what the command wrote to stderr."""
        try:
            code = self._process.wait(COMMAND_SECONDS_MAX)
        except subprocess.TimeoutExpired as error:
            message = f"a command took over {COMMAND_SECONDS_MAX:.0f} s"
            raise DemoError(message) from error
        self._reader.join()
        return code, self._stderr.decode("utf-8", errors="replace")

    def kill(self) -> None:
        """Ends it if it still runs."""
        if self.running:
            self._process.kill()
            self._process.wait()

    def _copy(self) -> None:
        """Passes stderr on as it comes, so that progress shows."""
        pipe = self._process.stderr
        while pipe is not None and (some := os.read(pipe.fileno(), READ_BYTES)):
            self._stderr += some
            sys.stderr.buffer.write(some)
            sys.stderr.buffer.flush()
