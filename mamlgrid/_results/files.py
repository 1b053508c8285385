"""Files of results: ordinary npz files with a description in JSON, written whole or not at all."""

from __future__ import annotations

import json
import os
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np

from .tree import pack, unpack

_FORMAT = "mamlgrid result"
_FORMAT_VERSION = 2


def save(result: Any, path: str | os.PathLike[str]) -> Path:
    """Write a result."""
    arrays, spec = pack(result)
    header = {"format": _FORMAT, "version": _FORMAT_VERSION, "result": type(result).__name__, "tree": spec}
    contents: dict[str, Any] = {"header": np.array(json.dumps(header)), **arrays}
    target = Path(path)
    with _replacing(target) as file:
        np.savez(file, **contents)
    return target


def load(path: str | os.PathLike[str], kind: type) -> Any:
    """Read a result of class `kind`, its arrays on the host in the dtype they were saved in."""
    try:
        with open(path, "rb") as opened:  # a missing file is told apart from a damaged one
            if not zipfile.is_zipfile(opened):
                raise ValueError("it is no npz file, or not all of one; write results with result.save(path)")
            opened.seek(0)
            with np.load(opened, allow_pickle=False) as file:
                header = json.loads(str(file["header"])) if "header" in file.files else None
                arrays = {name: file[name] for name in file.files} if header else {}
        if not isinstance(header, dict) or header.get("format") != _FORMAT:
            raise ValueError("it was not written by mamlgrid; open it with numpy.load")
        if header["version"] != _FORMAT_VERSION:
            raise ValueError(f"its format is version {header['version']}, this is version {_FORMAT_VERSION}")
        found = unpack(arrays, header["tree"])
        if not isinstance(found, kind):
            raise ValueError(f"it holds a {type(found).__name__}, not a result")
        return found
    except FileNotFoundError:
        raise
    except Exception as error:  # a damaged file fails in as many ways as zip, zlib, struct, json and NumPy know
        raise ValueError(f"cannot read {os.fspath(path)} as a mamlgrid result: {error}") from error


@contextmanager
def _replacing(target: Path) -> Iterator[IO[bytes]]:
    """A file to write to, which takes the place of `target` when all went well and disappears when not."""
    try:
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=".tmp")
    except OSError as error:
        raise ValueError(
            f"cannot write {target}: {error.strerror or error}; give a folder that exists and may be written to"
        ) from error
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
        os.chmod(name, 0o666 & ~_umask())  # mkstemp's files are for their owner only
        os.replace(name, target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
