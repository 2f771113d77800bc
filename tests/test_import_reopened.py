"""An import that is given up and opened again at once still ends as if it had run once."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.core import open_core, space_config
from support.torture_load import Load, next_chunk_of
from zmey._native import Core

LOAD = Load(seed=1)
CHUNKS_WAITING = 3


@pytest.fixture
def core(tmp_path: Path) -> Iterator[Core]:
    opened = open_core((space_config(1),), tmp_path / "store")
    yield opened
    opened.close()


def test_chunks_that_still_wait_are_not_applied_again(core: Core) -> None:
    given_up = core.open_import(LOAD.import_options(0).SerializeToString())
    for number in range(1, CHUNKS_WAITING + 1):
        given_up.submit(LOAD.import_chunk(0, number).SerializeToString())
    given_up.cancel()
    del given_up
    again = core.open_import(LOAD.import_options(0).SerializeToString())
    for number in range(next_chunk_of(again.opened), CHUNKS_WAITING + 1):
        again.submit(LOAD.import_chunk(0, number).SerializeToString())
    again.finish()
    while again.receipt() is not None:
        pass
    assert LOAD.check_chunks(core.call, 0, CHUNKS_WAITING + 1) == []
