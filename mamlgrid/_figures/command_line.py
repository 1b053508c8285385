"""The command line: `mamlgrid figures`, `mamlgrid explore`."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NoReturn

from .. import __version__
from .gallery import Static

_DPI = (20, 1200)

# Width, height, unit; and between which lengths, in inches.
_SIZE = re.compile(r"(\d+(?:\.\d+)?)x(\d+(?:\.\d+)?)(cm|in)")
_INCHES = (5 / 2.54, 100 / 2.54)


class _Parser(argparse.ArgumentParser):
    """A parser whose complaints are one line."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong, and leave with code 2."""
        self.exit(2, f"{self.prog}: {' '.join(message.split())} (see {self.prog} --help)\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code: 0, 1 when an identity fails, 2 for a mistake of the caller."""
    parser = _parser()
    given = parser.parse_args(arguments)
    if given.command is None:
        parser.error("a command is missing: figures or explore")
    if not given.out:
        parser.error("--out is empty: name a folder, such as --out figures, or for explore a file")
    if given.command == "explore":
        return _explore(given.case, given.alphas, given.thetas, Path(given.out), given.open)
    static = Static(given.format, given.dpi, given.size, given.theme)
    return _figures(given.case, Path(given.out), static)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="mamlgrid", description="See what gradient-based meta-learning does.", allow_abbrev=False)
    parser.add_argument("--version", action="version", version=f"mamlgrid {__version__}")
    commands = parser.add_subparsers(title="commands", dest="command", metavar="command")
    what = "draw the figures of the two cases, check their numbers, and write a page that shows them"
    figures = commands.add_parser("figures", help=what, description=f"{what[0].upper()}{what[1:]}.", allow_abbrev=False)
    figures.add_argument("--case", choices=("quadratic", "quartic", "all"), default="all", help="default: all")
    figures.add_argument("--out", default="figures", metavar="DIR", help="folder to write to, default: figures")
    figures.add_argument("--format", choices=("png", "svg", "pdf"), default="png", help="static files, default: png")
    figures.add_argument("--dpi", type=_dpi, default=Static().dpi, metavar="N", help="dots per inch, default: 200")
    size = "width and height of each static picture, such as 12x9cm or 4.7x3.5in; default: what suits each"
    figures.add_argument("--size", type=_size, metavar="WxH", help=size)
    theme = "colours of static pictures, default: light; pages follow what their reader prefers"
    figures.add_argument("--theme", choices=("light", "dark"), default="light", help=theme)
    what = "write the explorer: a page in which meta-losses are alive, with no kernel and no network"
    explore = commands.add_parser("explore", help=what, description=f"{what[0].upper()}{what[1:]}.", allow_abbrev=False)
    case = "quadratic, quartic, or MODULE:FUNCTION, which returns a meta-loss or a mapping of names to meta-losses"
    explore.add_argument("--case", default="quartic", metavar="WHAT", help=f"{case}; default: quartic")
    for axis in ("alphas", "thetas"):
        ends = {"nargs": 2, "type": float, "metavar": ("LOW", "HIGH")}
        explore.add_argument(f"--{axis}", help=f"ends of the {axis[:-1]} axis; default: what suits the case", **ends)
    explore.add_argument("--out", default="explorer.html", metavar="FILE", help="file to write, default: explorer.html")
    explore.add_argument("--open", action="store_true", help="show it in the browser")
    return parser


def _dpi(given: str) -> int:
    if not given.isdecimal() or not _DPI[0] <= int(given) <= _DPI[1]:
        raise argparse.ArgumentTypeError(f"{given!r} is no whole number from {_DPI[0]} to {_DPI[1]}")
    return int(given)


def _size(given: str) -> tuple[float, float]:
    """Width and height in inches."""
    found = _SIZE.fullmatch(given)
    if found is None:
        raise argparse.ArgumentTypeError(f"{given!r} is no width x height with a unit, such as 12x9cm or 4.7x3.5in")
    inch = {"in": 1.0, "cm": 2.54}[found[3]]
    width, height = float(found[1]) / inch, float(found[2]) / inch
    if not all(_INCHES[0] <= side <= _INCHES[1] for side in (width, height)):
        raise argparse.ArgumentTypeError(f"{given!r} is outside of what pictures can be read at, 5 cm to 100 cm")
    return width, height


def _figures(case: str, folder: Path, static: Static) -> int:
    """Compute, check and write the figures."""
    from . import gallery as _gallery
    from .pictures import pictures

    blocked = _gallery.obstacle(folder)
    if blocked:
        print(f"mamlgrid figures: cannot write to {folder}: {blocked}", file=sys.stderr)
        return 2
    drawn = pictures(case)
    try:
        for path in _gallery.write(drawn, folder, static):
            print(path.name, flush=True)
    except OSError as error:
        print(f"mamlgrid figures: cannot write to {folder}: {error.strerror or error}", file=sys.stderr)
        return 2
    if find_spec("plotly") is None:
        print("interactive figures left out; for them: pip install 'mamlgrid[interactive]'")
    failed = _gallery.failures(drawn)
    for line in failed:
        print(f"mamlgrid figures: {line}", file=sys.stderr)
    print(folder.resolve() / "index.html")
    return 1 if failed else 0


def _explore(case: str, alphas: Any, thetas: Any, target: Path, shown: bool) -> int:
    """Compile the meta-losses and write their page."""
    from .explore import NotThereError, explorer_of, made_by

    try:
        made = made_by(case)
    except NotThereError as error:
        print(f"mamlgrid explore: {error}", file=sys.stderr)
        return 2
    try:
        written = explorer_of(case, made, alphas, thetas).write(target)
    except (ValueError, TypeError, OSError) as error:
        words = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        print(f"mamlgrid explore: {' '.join(words.split())}", file=sys.stderr)
        return 2
    print(written.resolve())
    if shown:
        import webbrowser

        webbrowser.open(written.resolve().as_uri())
    return 0
