"""What cannot become a program, said with the primitive and the line of the loss."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax

from .graph import TooLargeError

# Neither the package's own frames nor those of JAX and of the interpreter are the reader's.
_NOT_THEIRS = (
    f"{Path(__file__).parents[2]}{os.sep}",
    f"{Path(jax.__file__).parent}{os.sep}",
    "<frozen",
)


class NotCompiledError(ValueError):
    """A meta-loss that cannot become JavaScript.

    Attributes:
        why: what is the matter with the primitive.
        primitive: its name; set by `blamed`, as the line is.
        line: of the loss that made it.
    """

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why
        self.primitive = ""
        self.line = ""

    def __str__(self) -> str:
        return f"the explorer cannot compile this loss to JavaScript: {self.primitive} {self.why}{self.line}"


@contextlib.contextmanager
def blamed(equation: Any) -> Iterator[None]:
    """Whatever is refused inside is the matter of this equation, unless it was of one further inside."""
    try:
        yield
    except TooLargeError as error:
        refusal = NotCompiledError(f"is part of a program of {error}: take smaller data for each task")
        raise _said_of(equation, refusal) from None
    except NotCompiledError as refusal:
        raise _said_of(equation, refusal) from None


def _said_of(equation: Any, refusal: NotCompiledError) -> NotCompiledError:
    traceback = equation.source_info.traceback
    frames = traceback.frames if traceback is not None else []
    theirs = next((f for f in frames if not f.file_name.startswith(_NOT_THEIRS)), None)
    refusal.primitive = refusal.primitive or equation.primitive.name
    if theirs is not None:
        refusal.line = refusal.line or f" ({theirs.file_name}:{theirs.line_num}, in {theirs.function_name})"
    return refusal
