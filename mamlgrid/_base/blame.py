"""Where in the caller's own code an error comes from."""

from __future__ import annotations

import traceback
from pathlib import Path

_PACKAGE = Path(__file__).parents[1]


def line_of(error: Exception) -> str:
    """The last line of a traceback that is in no installed package."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if not is_installed(f.filename)]
    return f'"{frames[-1].line}" in {Path(frames[-1].filename).name}, line {frames[-1].lineno}' if frames else "a loss"


def is_own(filename: str) -> bool:
    """Whether a file is one of this package."""
    return Path(filename).is_relative_to(_PACKAGE)


def is_installed(filename: str) -> bool:
    """Whether a file is one of this package, of another one, or of Python."""
    return "site-packages" in filename or is_own(filename) or filename.startswith("<frozen")
