"""`mamlgrid explore`: the explorer of a case of the post, or of meta-losses that a function makes."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import cases
from .._base.arguments import said
from .._meta.algorithms import fomaml, imaml, maml, reptile
from .._meta.meta_loss import MetaLoss
from ..plot import explorer

if TYPE_CHECKING:
    from .._explorer.page import Explorer

Box = tuple[tuple[float, float], tuple[float, float]]

_CASES = {"quadratic": cases.quadratic, "quartic": cases.quartic}
_BOXES: dict[str, Box] = {"quadratic": ((0.0, 2.0), (-2.0, 3.0)), "quartic": ((0.0, 1.2), (-2.0, 2.0))}

# Of a meta-loss that says nothing of its axes.
_BOX: Box = ((0.0, 1.0), (-2.0, 2.0))


def explorer_of_case(name: str, alphas: Any = None, thetas: Any = None) -> Explorer:
    """The four algorithms on the losses of a case, whose numbers are live."""
    case, loss = _CASES[name](), cases.polynomial_loss
    tasks = case.tasks()
    algorithms = {"MAML": maml, "FOMAML": fomaml, "Reptile": reptile}
    metas = {algorithm: make(loss, tasks) for algorithm, make in algorithms.items()}
    metas["iMAML"] = imaml(loss, tasks, strength=2.0)
    box = _BOXES[name]
    title = f"What α does to {' and '.join(case.labels)}"
    return explorer(metas, alphas or box[0], thetas or box[1], labels=case.labels, title=title)


def made_by(what: str) -> Any:
    """What the function of "module:function" returns; nothing for a case of the post.

    What goes wrong inside of the module or the function passes as it is, with a note that names it.

    Raises:
        NotThereError: no such case, module or function.
    """
    if what in _CASES:
        return None
    module, _, name = what.partition(":")
    if not (module and name):
        raise NotThereError(f"{said(what)} is no case ({', '.join(_CASES)}) and no MODULE:FUNCTION")
    # A module in the folder where the command is run is found as with `python -m`.
    sys.path.insert(0, str(Path.cwd()))
    try:
        return _function(module, name)()
    except NotThereError:
        raise
    except Exception as error:
        error.add_note(f"raised in {what}, which mamlgrid explore called")
        raise
    finally:
        sys.path.pop(0)


class NotThereError(Exception):
    """A name that is missing."""


def _function(module: str, name: str) -> Any:
    try:
        found = importlib.import_module(module)
    except ModuleNotFoundError as error:
        # Another module that is missing is looked for by this one.
        if error.name is None or not f"{module}.".startswith(f"{error.name}."):
            raise
        raise NotThereError(f"there is no module {error.name!r}") from error
    if not callable(function := getattr(found, name, None)):
        raise NotThereError(f"{module} has no function {name!r}")
    return function


def explorer_of(what: str, made: Any, alphas: Any = None, thetas: Any = None) -> Explorer:
    """The explorer of a case of the post, or of what was made by "module:function": a meta-loss, or several by name.

    Raises:
        ValueError: it is something else, or what cannot be compiled.
    """
    if what in _CASES:
        return explorer_of_case(what, alphas, thetas)
    if not isinstance(made, MetaLoss | Mapping):
        raise ValueError(f"{what}() must return a meta-loss, or a mapping of names to them; got {said(made)}")
    return explorer(made, alphas or _BOX[0], thetas or _BOX[1])
