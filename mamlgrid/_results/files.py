"""Files of results: ordinary npz files with a description, written whole or not at all, read with suspicion."""

from __future__ import annotations

import io
import json
import math
import os
import zipfile
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from .atomic import replacing
from .layout import check
from .tree import members, pack, unpack

_FORMAT = "mamlgrid result"
_FORMAT_VERSION = 2

# Our files are not compressed, but one that somebody has packed again is read. Numbers shrink to a half, a table of
# equal ones to a thousandth. What promises more than this many bytes, and this many times more than the file has, is
# made to fill the memory.
_MOST_EXPANDED, _MOST_TIMES = 1 << 26, 200

# The description of a result, at four bytes a letter. That of a network with a thousand arrays has a twentieth.
_LONGEST_HEADER = 1 << 24

# More than NumPy allows for the description of an array at the head of an npy file.
_NPY_HEAD = 1 << 14


class _Promise(NamedTuple):
    """What the head of an array in a file says of it."""

    shape: tuple[int, ...]
    dtype: np.dtype


class _Shape:
    """Stands for an array that has not been read yet."""

    def __init__(self, promise: _Promise) -> None:
        self.shape, self.ndim, self.dtype = promise.shape, len(promise.shape), promise.dtype


def save(result: Any, path: str | os.PathLike[str]) -> Path:
    """Write a result, or raise before anything is written."""
    arrays, spec = pack(result)
    try:
        check(result)
    except ValueError as error:
        raise ValueError(f"cannot save this {type(result).__name__}: {error}") from error
    header = {"format": _FORMAT, "version": _FORMAT_VERSION, "result": type(result).__name__, "tree": spec}
    contents: dict[str, Any] = {"header": np.array(json.dumps(header)), **arrays}
    if contents["header"].nbytes > _LONGEST_HEADER:
        raise ValueError(f"cannot save this {type(result).__name__}: it has too many arrays, {len(arrays)}")
    target = Path(path)
    with replacing(target) as file:
        np.savez(file, **contents)
    return target


def load(path: str | os.PathLike[str], kind: type) -> Any:
    """Read a result of class `kind`; what the file says is checked before memory is taken for it."""
    try:
        with open(path, "rb") as opened:  # a missing file is told apart from a damaged one
            if not zipfile.is_zipfile(opened):
                raise ValueError("it is no npz file, or not all of one; write results with result.save(path)")
            with zipfile.ZipFile(opened) as archive:
                found = _read(archive, os.fstat(opened.fileno()).st_size)
        if not isinstance(found, kind):
            raise ValueError(f"it holds a {type(found).__name__}, not a result")
        return found
    except FileNotFoundError:
        raise
    except Exception as error:  # a damaged file fails in as many ways as zip, zlib, struct, json and NumPy know
        raise ValueError(f"cannot read {os.fspath(path)} as a mamlgrid result: {error}") from error


def _read(archive: zipfile.ZipFile, file_size: int) -> Any:
    """The result in an archive. Members that its header does not name are not looked at."""
    header = _header(archive, file_size)
    names = sorted(set(members(header["tree"])))
    promises = {name: _promise(archive, name, file_size) for name in names}
    expanded = sum(archive.getinfo(f"{name}.npy").file_size for name in names)
    if expanded > max(_MOST_EXPANDED, _MOST_TIMES * file_size):
        raise ValueError(f"it has {file_size} bytes and promises arrays of {expanded}")
    # First without the arrays: what does not fit together is refused before they are read.
    shapes = unpack(header["tree"], lambda name: _Shape(promises[name]), lambda name, _: _Shape(promises[name]))
    check(shapes)
    arrays = {name: _array(archive, name) for name in names}
    # Arrays stay on the host, in the dtype they were saved in; jax moves them when they are used.
    return unpack(
        header["tree"],
        lambda name: arrays[name],
        lambda name, impl: jax.random.wrap_key_data(jnp.asarray(arrays[name]), impl=impl),
    )


def _header(archive: zipfile.ZipFile, file_size: int) -> dict[str, Any]:
    if "header.npy" not in archive.namelist():
        raise ValueError("it was not written by mamlgrid; open it with numpy.load")
    if archive.getinfo("header.npy").file_size > _LONGEST_HEADER + _NPY_HEAD:
        raise ValueError("its header is too long")
    promise = _promise(archive, "header", file_size, kinds="U")
    header = json.loads(str(_array(archive, "header"))) if promise.shape == () else None
    if not isinstance(header, dict) or header.get("format") != _FORMAT:
        raise ValueError("it was not written by mamlgrid; open it with numpy.load")
    if header["version"] != _FORMAT_VERSION:
        raise ValueError(f"its format is version {header['version']}, this is version {_FORMAT_VERSION}")
    return header


def _promise(archive: zipfile.ZipFile, name: str, file_size: int, kinds: str = "fiub") -> _Promise:
    """Shape and dtype of an array, or ValueError where the archive holds more or less than that."""
    info = archive.getinfo(f"{name}.npy")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ValueError(f"{name} is packed in an unknown way")  # others take memory before they can be stopped
    if info.compress_size > file_size or (info.compress_type == zipfile.ZIP_STORED and info.file_size > file_size):
        raise ValueError(f"{name} is longer than the file")
    with archive.open(info) as member:
        head = io.BytesIO(member.read(_NPY_HEAD))
    version = np.lib.format.read_magic(head)
    if version == (1, 0):
        shape, _, dtype = np.lib.format.read_array_header_1_0(head)
    elif version == (2, 0):
        shape, _, dtype = np.lib.format.read_array_header_2_0(head)
    else:
        raise ValueError(f"{name} is in an unknown version of the npy format")
    if dtype.kind not in kinds:
        raise ValueError(f"{name} has dtype {dtype}, which does not belong there")
    promised = head.tell() + math.prod(shape) * dtype.itemsize
    if any(n < 0 for n in shape) or promised != info.file_size:
        raise ValueError(f"{name} says that it is {dtype}{list(shape)}, but there are {info.file_size} bytes of it")
    return _Promise(shape, dtype)


def _array(archive: zipfile.ZipFile, name: str) -> np.ndarray:
    with archive.open(f"{name}.npy") as member:
        return np.lib.format.read_array(member, allow_pickle=False)
