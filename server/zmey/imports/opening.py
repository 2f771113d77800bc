"""Puts together what runs imports, from the options of the server."""

import shutil
import tempfile
import weakref
from pathlib import Path

from zmey.config import IN_MEMORY, Settings
from zmey.imports.core_jobs import CallableCore, CoreJobs
from zmey.imports.files import Files
from zmey.imports.folder import ImportFolder
from zmey.imports.runner import Runner
from zmey.imports.service import ImportOperations
from zmey.sources import source_settings
from zmey.v1.space_pb2 import Space

# Calls that wait for an import may take this part of the workers.
WAITERS_PART = 4


def open_imports(core: CallableCore, settings: Settings) -> tuple[ImportOperations, Runner]:
    """Returns what answers calls about imports, and what runs them once it is started.

    Raises:
        OSError: the folder of imports is not to be had.
    """
    jobs = CoreJobs(core)
    folder = _open_folder(settings)
    folder.claim()
    files = Files(folder, source_settings(settings))
    spaces = [Space(account_id=space.account_id, db_id=space.db_id) for space in settings.spaces]
    runner = Runner(jobs, folder, files, spaces, settings.import_jobs_max)
    waiters_max = max(1, settings.workers // WAITERS_PART)
    return ImportOperations(jobs, folder, files, runner, waiters_max), runner


def _open_folder(settings: Settings) -> ImportFolder:
    bytes_max = settings.import_file_bytes_max
    if settings.import_folder:
        return ImportFolder(Path(settings.import_folder), bytes_max)
    if settings.store_path != IN_MEMORY:
        return ImportFolder(Path(settings.store_path) / "imports", bytes_max)
    # A store that keeps nothing has imports that nobody goes on with.
    path = Path(tempfile.mkdtemp(prefix="zmey-imports-"))
    folder = ImportFolder(path, bytes_max)
    weakref.finalize(folder, shutil.rmtree, path, ignore_errors=True)
    return folder
