"""Files that are written whole or not at all: to a temporary name beside, which then takes the place of the target."""

from __future__ import annotations

import glob
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

# A temporary file this old (seconds) was left by a process that was killed.
_OLD = 3600


@contextmanager
def replacing(target: str | os.PathLike[str]) -> Iterator[Path]:
    """A temporary path to write to, which takes the place of `target` when all went well and disappears when not.

    What a killed process left beside it is swept up when it is old.

    Raises:
        OSError: the folder does not exist, or cannot be written to.
    """
    target = Path(target)
    for left in target.parent.glob(f".{glob.escape(target.name)}.*.tmp"):
        with suppress(OSError):  # another process may have swept it up, or own it
            if time.time() - left.stat().st_mtime > _OLD:
                left.unlink()
    try:
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=".tmp")
    except OSError as error:
        remedy = f"cannot write {target}: {error.strerror}; give a folder that exists and may be written to"
        raise OSError(error.errno, remedy) from error
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o666 & ~_umask())  # mkstemp's files are for their owner only
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_text(target: str | os.PathLike[str], text: str) -> Path:
    """`target`, with `text` in it."""
    with replacing(target) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return Path(target)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
