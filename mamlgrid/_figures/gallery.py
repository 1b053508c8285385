"""Pictures on disk: static and interactive files, the numbers they are checked by, and a page that shows them all."""

from __future__ import annotations

import json
import os
import platform
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from html import escape
from importlib.util import find_spec
from itertools import groupby
from pathlib import Path
from typing import Any

import jax
import numpy as np

from .pictures import Picture

# Dots per inch of pictures made of pixels: sharp on a dense screen at the size they have on the page.
_DPI = 200

# Height in pixels of the frame of an interactive figure that does not say its own.
_FRAME = 700


def write(pictures: list[Picture], folder: Path, form: str) -> Iterator[Path]:
    """Write everything, file by file, each to a temporary name first; the last one is `index.html`.

    Args:
        pictures: what to write.
        folder: where; `obstacle` says whether it can be written.
        form: "png", "svg" or "pdf". A page cannot show a pdf, so with that there is a png beside it.

    Yields:
        The paths, as they are written.

    Raises:
        OSError: a file cannot be written.
    """
    forms = ("png", "pdf") if form == "pdf" else (form,)
    frames: dict[str, int] = {}
    for picture in pictures:
        figure = picture.draw()
        for suffix in forms:
            yield _written(folder / f"{picture.name}.{suffix}", _static(figure, suffix))
        if picture.interactive is not None and find_spec("plotly") is not None:
            from ..plot.interactive import write_html

            turning = picture.interactive()
            frames[picture.name] = int(turning.layout.height or _FRAME)
            yield _written(folder / f"{picture.name}.html", partial(write_html, turning))
    numbers = json.dumps(_numbers(pictures), indent=2, allow_nan=False, ensure_ascii=False) + "\n"
    yield _written(folder / "numbers.json", _text(numbers))
    yield _written(folder / "index.html", _text(_page(pictures, forms, frames)))


def obstacle(folder: Path) -> str | None:
    """Why nothing can be written to `folder`, which is made when it does not exist; None when something can."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return None
    except OSError as error:
        return error.strerror or str(error)


def failures(pictures: list[Picture]) -> list[str]:
    """One line for each identity that does not hold."""
    return [
        f"{picture.name}: {check.identity}: deviation {check.deviation:.3g} exceeds {check.tolerance:.3g}"
        for picture in pictures
        for check in picture.checks
        if not check.holds
    ]


def _written(target: Path, write_to: Callable[[Path], object]) -> Path:
    """`target`, written whole or not at all."""
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        write_to(temporary)
        os.replace(temporary, target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return target


def _static(figure: Any, suffix: str) -> Callable[[Path], object]:
    # The same input gives the same bytes: no date, and names inside an SVG that do not depend on chance.
    import matplotlib

    metadata = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(suffix)

    def save(path: Path) -> None:
        with matplotlib.rc_context({"svg.hashsalt": "mamlgrid"}):
            figure.savefig(path, format=suffix, dpi=_DPI, metadata=metadata)

    return save


def _text(content: str) -> Callable[[Path], object]:
    return lambda path: path.write_text(content, encoding="utf-8")


def _numbers(pictures: list[Picture]) -> dict[str, Any]:
    from .. import __version__

    versions = {"mamlgrid": __version__, "jax": jax.__version__, "numpy": np.__version__}
    figures = {
        picture.name: {
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
        }
        for picture in pictures
    }
    return {
        "versions": {**versions, "python": platform.python_version()},
        "dtype": "float64",
        "figures": figures,
    }


def _page(pictures: list[Picture], forms: tuple[str, ...], frames: dict[str, int]) -> str:
    """The page; `frames` are the heights of the interactive figures there are."""
    parts = []
    for heading, group in groupby(pictures, key=lambda picture: picture.heading):
        cards = "\n".join(_card(picture, forms, frames.get(picture.name)) for picture in group)
        parts.append(f'<h2>{escape(heading)}</h2>\n<div class="cards">\n{cards}\n</div>')
    return _PAGE.format(figures="\n".join(parts))


def _card(picture: Picture, forms: tuple[str, ...], frame: int | None) -> str:
    name, title = picture.name, escape(picture.title)
    checks = "".join(
        f"<li>{'✓' if check.holds else '✗'} <code>{escape(check.identity)}</code>: "
        f"{check.deviation:.2g}, allowed {check.tolerance:.2g}</li>"
        for check in picture.checks
    )
    suffixes = (*forms, "html") if frame else forms
    return _CARD.format(
        name=name,
        title=title,
        suffix=forms[0],
        caption=escape(picture.caption),
        turn=_TURN.format(name=name, title=title, height=frame) if frame else "",
        verdict="✓ checked" if all(check.holds for check in picture.checks) else "✗ an identity fails",
        checks=checks,
        links=" · ".join(f'<a href="{name}.{suffix}">{_LINK_TEXT.get(suffix, suffix)}</a>' for suffix in suffixes),
    )


_LINK_TEXT = {"html": "interactive, on a page of its own"}

# Inside a closed element a lazy frame is not loaded: the page opens at once.
_TURN = """<details><summary>interactive</summary>
<iframe src="{name}.html" title="{title}" loading="lazy" style="height: {height}px"></iframe></details>
"""

_CARD = """<section id="{name}">
<h3>{title}</h3>
<a href="{name}.{suffix}"><img src="{name}.{suffix}" alt="{title}"></a>
<p>{caption}</p>
{turn}<details><summary>{verdict}</summary><ul>{checks}</ul></details>
<p class="links">{links}</p>
</section>"""

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>mamlgrid: MAML with simple losses</title>
<style>
:root {{ --ink: #1a1a1a; --quiet: #5c5c5c; --paper: #ffffff; --card: #f6f6f4; --line: #dddddd; --link: #005b94; }}
@media (prefers-color-scheme: dark) {{
  :root {{ --ink: #ececec; --quiet: #a8a8a8; --paper: #16181b; --card: #212429; --line: #3a3f46; --link: #7cc4f0; }}
}}
* {{ box-sizing: border-box; }}
body {{ margin: 0 auto; max-width: 82rem; padding: 1.5rem; color: var(--ink); background: var(--paper);
  font: 1rem/1.5 system-ui, sans-serif; }}
h1 {{ font-size: 1.6rem; margin: 0 0 0.3rem; }}
h2 {{ font-size: 1.25rem; margin: 1.6rem 0 0.7rem; }}
h3 {{ font-size: 1.05rem; margin: 0 0 0.6rem; }}
a {{ color: var(--link); }}
.cards {{ display: grid; gap: 1.2rem; grid-template-columns: repeat(auto-fill, minmax(min(100%, 24rem), 1fr)); }}
section {{ background: var(--card); border: 1px solid var(--line); border-radius: 0.5rem; padding: 1rem; }}
section:has(details[open] iframe) {{ grid-column: 1 / -1; }}
img {{ display: block; width: 100%; max-width: 40rem; margin: 0 auto; background: #fff; border-radius: 0.3rem; }}
iframe {{ width: 100%; border: 0; background: #fff; border-radius: 0.3rem; }}
p {{ margin: 0.6rem 0; }}
summary {{ cursor: pointer; color: var(--quiet); }}
ul {{ margin: 0.3rem 0; padding-left: 1.2rem; list-style: none; font-size: 0.85rem; overflow-wrap: anywhere; }}
.links {{ margin: 0.4rem 0 0; color: var(--quiet); font-size: 0.9rem; }}
</style>
</head>
<body>
<h1>MAML with simple losses</h1>
<p>What one inner step of size α does to two losses of a single parameter θ: the meta-loss, its gradient, the best
initial parameter for every α, and what the outer loop finds of it. The numbers behind the pictures and the identities
they are checked by are in <a href="numbers.json">numbers.json</a>.</p>
{figures}
</body>
</html>
"""
