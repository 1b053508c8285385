"""Pictures on disk: static and interactive files, the numbers they are checked by, and a page that shows them all."""

from __future__ import annotations

import json
import platform
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import jax
import numpy as np

from .._base.replacing import replacing, write_text
from .index_page import index_page

if TYPE_CHECKING:
    from .picture import Picture

# Height in pixels of the frame of an interactive figure until its page says its own.
_FRAME = 700

_NUMBERS = "numbers.json"

EXPLORER = "explorer.html"


class Static(NamedTuple):
    """How static pictures are written.

    Attributes:
        form: "png", "svg" or "pdf". A page cannot show a pdf, so with that there is a png beside it.
        dpi: dots per inch of what is made of pixels; 200 are sharp on a dense screen at the size it has on the page.
        size: width and height in inches; each picture has its own when None.
        theme: "light" or "dark".
    """

    form: str = "png"
    dpi: int = 200
    size: tuple[float, float] | None = None
    theme: Literal["light", "dark"] = "light"

    @property
    def forms(self) -> tuple[str, ...]:
        """Those that are written, the one that the page shows first."""
        return ("png", "pdf") if self.form == "pdf" else (self.form,)


def write(pictures: list[Picture], folder: Path, static: Static) -> Iterator[Path]:
    """Write everything, file by file, each to a temporary name first; the last one is `index.html`.

    What an earlier run wrote there of other pictures stays, in `numbers.json` and on the page.

    Args:
        pictures: what to write.
        folder: where; `obstacle` says whether it can be written.
        static: how the static pictures are written.

    Yields:
        The paths, as they are written.

    Raises:
        OSError: a file cannot be written.
    """
    figures: dict[str, Any] = {}
    for picture in pictures:
        if picture.explorer is not None:
            yield picture.explorer().write(folder / EXPLORER)
        with _theme(static.theme):
            figure = picture.draw()
            if static.size is not None:
                from ..plot._axes import legend

                figure.set_size_inches(static.size)
                for ax in figure.axes:
                    if ax.get_legend() is not None:
                        legend(ax)  # as many columns as have room now
            for suffix in static.forms:
                yield _written(folder / f"{picture.name}.{suffix}", _static(figure, suffix, static.dpi))
        _close(figure)
        shown: dict[str, Any] = {"forms": static.forms, "frame": None, "alt": f"{picture.title}. {picture.caption}"}
        if picture.interactive is not None and find_spec("plotly") is not None:
            from ..plot._interactive_words import described
            from ..plot.interactive import write_html

            turning = picture.interactive()
            shown |= {"frame": int(turning.layout.height or _FRAME), "alt": f"{picture.title}. {described(turning)}"}
            yield _written(folder / f"{picture.name}.html", partial(write_html, turning, script="beside"))
        figures[picture.name] = _entry(picture, shown)
    # The page is of all that is there, whichever run it comes from.
    figures = {**(_earlier(folder) or {}), **figures}
    figures = {
        name: entry for name, entry in figures.items() if (folder / f"{name}.{entry['page']['forms'][0]}").exists()
    }
    numbers = json.dumps({"dtype": "float64", "figures": figures}, indent=2, allow_nan=False, ensure_ascii=False) + "\n"
    yield write_text(folder / _NUMBERS, numbers)
    explorer = EXPLORER if (folder / EXPLORER).exists() else None
    yield write_text(folder / "index.html", index_page(figures, explorer))


def obstacle(folder: Path) -> str | None:
    """Why nothing can be written to `folder`, which is made when it does not exist; None when something can."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
        if _earlier(folder) is None:
            return f"the {_NUMBERS} there is no file of this command; remove it, or name another folder"
    except OSError as error:
        return error.strerror or str(error)
    return None


def failures(pictures: list[Picture]) -> list[str]:
    """One line for each identity that does not hold."""
    return [
        f"{picture.name}: {check.identity}: deviation {check.deviation:.3g} exceeds {check.tolerance:.3g}"
        for picture in pictures
        for check in picture.checks
        if not check.holds
    ]


def _earlier(folder: Path) -> dict[str, Any] | None:
    """What `numbers.json` says of the pictures of earlier runs; None where it is some other file."""
    try:
        figures = json.loads((folder / _NUMBERS).read_text(encoding="utf-8"))["figures"]
        return figures if all(entry["page"]["forms"] for entry in figures.values()) else None
    except FileNotFoundError:
        return {}
    except (ValueError, LookupError, TypeError, AttributeError):
        return None


def _written(target: Path, write_to: Callable[[Path], object]) -> Path:
    """`target`, written whole or not at all."""
    with replacing(target) as temporary:
        write_to(temporary)
    return target


def _theme(theme: str) -> Any:
    import matplotlib.style

    return matplotlib.style.context("dark_background" if theme == "dark" else "default")


def _static(figure: Any, suffix: str, dpi: int) -> Callable[[Path], object]:
    # The same input gives the same bytes: no date, and names inside an SVG that do not depend on chance.
    import matplotlib

    metadata = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(suffix)

    def save(path: Path) -> None:
        with matplotlib.rc_context({"svg.hashsalt": "mamlgrid"}):
            figure.savefig(path, format=suffix, dpi=dpi, metadata=metadata)

    return save


def _close(figure: Any) -> None:
    """Leave nothing behind in pyplot, which holds on to what it has made."""
    import matplotlib.pyplot as plt

    plt.close(figure)


def _entry(picture: Picture, shown: dict[str, Any]) -> dict[str, Any]:
    """What `numbers.json` says of one picture; `shown` is what the page needs to show it."""
    from .. import __version__

    versions = {"mamlgrid": __version__, "jax": jax.__version__, "numpy": np.__version__}
    return {
        "title": picture.title,
        "holds": all(check.holds for check in picture.checks),
        # JSON has no NaN: a deviation that is not a number is null.
        "checks": [
            {
                "identity": check.identity,
                "deviation": check.deviation if np.isfinite(check.deviation) else None,
                "tolerance": check.tolerance,
                "holds": check.holds,
            }
            for check in picture.checks
        ],
        **picture.numbers,
        "versions": {**versions, "python": platform.python_version()},
        "page": {"heading": picture.heading, "caption": picture.caption, **shown},
    }
