"""Files that are written whole or not at all."""

from __future__ import annotations

import os
import re
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

try:
    import fcntl
except ImportError:  # not on Windows
    fcntl = None

# Where files cannot be locked, a temporary file that nobody has written to for a day has nobody who will.
_ABANDONED_AFTER = 24 * 3600.0


@contextmanager
def replacing(target: Path) -> Iterator[IO[bytes]]:
    """A file to write to, which takes the place of `target` when all went well and disappears when not.

    What a killed process has left of an earlier attempt at the same target is swept away: a writer holds a lock on its
    file for as long as it lives.

    Raises:
        ValueError: the folder does not exist or cannot be written.
    """
    with suppress(OSError):
        _sweep(target)
    try:
        file, temporary = _opened(target)
    except OSError as error:
        raise ValueError(
            f"cannot write {target}: {error.strerror or error}; give a folder that exists and may be written to"
        ) from error
    try:
        with file:
            yield file
            file.flush()
            os.chmod(temporary, 0o666 & ~_umask())
            if fcntl is None:
                file.close()  # Windows does not move what is open
            os.replace(temporary, target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _opened(target: Path) -> tuple[IO[bytes], Path]:
    """A new locked file beside `target`."""
    while True:
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=".tmp")
        file = os.fdopen(handle, "wb")
        # Another process may sweep it away before it is locked: then once more.
        if _locked(file) is not False and os.path.exists(name):
            return file, Path(name)
        file.close()


def _sweep(target: Path) -> None:
    """Remove the temporary files of `target` that no process is writing."""
    ours = re.compile(rf"\.{re.escape(target.name)}\.[a-z0-9_]{{8}}\.tmp")
    for entry in os.scandir(target.parent):
        if ours.fullmatch(entry.name):
            with suppress(OSError), open(entry.path, "rb") as file:
                free = _locked(file)
                old = time.time() - os.fstat(file.fileno()).st_mtime > _ABANDONED_AFTER
                if free or (free is None and old):
                    os.unlink(entry.path)


def _locked(file: IO[bytes]) -> bool | None:
    """Take the lock of a file: whether it was free, or None where there are no locks."""
    if fcntl is None:
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
