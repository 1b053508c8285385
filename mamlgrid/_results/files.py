"""Files of results: ordinary npz files with a description in JSON, written whole or not at all."""

from __future__ import annotations

import json
import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from .._base.replacing import replacing
from .tree import Stored, pack, unpack

_FORMAT = "mamlgrid result"
_FORMAT_VERSION = 3

# A description is a few kilobytes; no file may have more of it unpacked than this.
_MOST_HEADER = 2**26


def save(result: Any, path: str | os.PathLike[str]) -> Path:
    """Write a result."""
    arrays, spec = pack(result)
    header = {"format": _FORMAT, "version": _FORMAT_VERSION, "result": type(result).__name__, "tree": spec}
    contents: dict[str, Any] = {"header": np.array(json.dumps(header)), **arrays}
    target = Path(path)
    with replacing(target) as temporary, open(temporary, "wb") as file:  # a name would get another suffix
        np.savez(file, **contents)
    return target


def load(path: str | os.PathLike[str], kind: type) -> Any:
    """Read a result of class `kind`, its arrays on the host in the dtype they were saved in."""
    try:
        with open(path, "rb") as opened:  # a missing file is told apart from a damaged one
            if not zipfile.is_zipfile(opened):
                raise ValueError("it is no npz file, or not all of one; write results with result.save(path)")
            with zipfile.ZipFile(opened) as file:
                return _read(file, kind)
    except FileNotFoundError:
        raise
    except Exception as error:  # a damaged file fails in as many ways as zip, zlib, struct, json and NumPy know
        raise ValueError(f"cannot read {os.fspath(path)} as a mamlgrid result: {error}") from error


def _read(file: zipfile.ZipFile, kind: type) -> Any:
    header = None
    if "header.npy" in file.namelist():
        if file.getinfo("header.npy").file_size > _MOST_HEADER:
            raise ValueError("its header is larger than any that mamlgrid writes")
        with file.open("header.npy") as member:
            header = json.loads(str(np.lib.format.read_array(member, allow_pickle=False)))
    if not isinstance(header, dict) or header.get("format") != _FORMAT:
        raise ValueError("it was not written by mamlgrid; open it with numpy.load")
    if header["version"] != _FORMAT_VERSION:
        raise ValueError(f"its format is version {header['version']}, this is version {_FORMAT_VERSION}")
    found = unpack(lambda entry: _array(file, entry), header["tree"])
    if not isinstance(found, kind):
        raise ValueError(f"it holds a {type(found).__name__}, not a result")
    return found


def _array(file: zipfile.ZipFile, entry: Stored) -> np.ndarray:
    """One array: only what the header names is read, and no more than it promises."""
    with file.open(f"{entry.name}.npy") as member:
        version = np.lib.format.read_magic(member)
        read_header = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
        shape, fortran, dtype = read_header[version](member)
        if (shape, dtype) != (entry.shape, entry.kept):
            raise ValueError(f"its header promises {entry}, but there is {dtype}{list(shape)}")
        size = dtype.itemsize * int(np.prod(shape, dtype=np.int64))
        flat = np.frombuffer(member.read(size), dtype)
        if flat.nbytes < size or member.read(1):  # at the end the checksum is compared
            raise ValueError(f"its member {entry.name} has another length than that of {entry}")
    return flat.copy().reshape(shape, order="F" if fortran else "C").view(entry.dtype)
