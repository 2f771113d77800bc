"""The command line: `zmey serve`, `import`, `resolve`, `get`, `set`, `spaces` and more."""

import os
from importlib import import_module

__all__ = ["main"]


def main() -> None:
    """Runs the command line."""
    # gRPC prints its own lines about a taken port and reads this when it is first imported.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    import_module("zmey.cli.app").app()
