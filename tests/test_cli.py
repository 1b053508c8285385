"""The command line: the figures with their numbers, and mistakes that get one line."""

from __future__ import annotations

import contextlib
import errno
import io
import json
import math
import re
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import jax
import mpmath
import numpy as np
import pytest
from plotly.offline import get_plotlyjs_version

import mamlgrid as mg
from mamlgrid._figures import checks, command_line, gallery, pictures
from mamlgrid._figures import picture as picture_module
from mamlgrid.plot._axes import legend

QUADRATIC = {"figure_0", "figure_1", "optimal_theta_quadratic", "contour_quadratic", "outer_loop_quadratic"}
QUARTIC = {"figure_2", "figure_3", "figure_4", "optimal_theta_quartic", "contour_quartic", "outer_loop_quartic"}
QUARTIC |= {"bifurcation_diagram", "bifurcation_diagram_fomaml", "algorithms_fixed_points", "algorithms_regrets"}
PLOTLY = f"plotly-{get_plotlyjs_version()}.min.js"


class Run(NamedTuple):
    """What a command did."""

    code: int
    out: list[str]
    err: list[str]


def run(*arguments: str) -> Run:
    """The command line in this process."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = command_line.main(arguments)
        except SystemExit as leaving:
            code = int(leaving.code or 0)
    return Run(code, out.getvalue().splitlines(), err.getvalue().splitlines())


EXPLORER = "explorer.html"


class Written(NamedTuple):
    """A run of `mamlgrid figures` and its folder."""

    run: Run
    folder: Path

    @property
    def figures(self) -> dict[str, Any]:
        """What `numbers.json` says of each figure."""
        return json.loads((self.folder / "numbers.json").read_text())["figures"]


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Written:
    """All figures, as `make figures` writes them."""
    folder = tmp_path_factory.mktemp("all") / "new" / "figures"
    return Written(run("figures", "--out", str(folder)), folder)


def test_everything_holds_and_the_last_line_is_the_page(everything: Written) -> None:
    assert everything.run.err == []
    assert everything.run.code == 0
    assert everything.run.out[-1] == str(everything.folder / "index.html")
    assert all(figure["holds"] for figure in everything.figures.values())


def test_every_figure_is_there_static_and_interactive(everything: Written) -> None:
    names = QUADRATIC | QUARTIC
    expected = {f"{name}.png" for name in names} | {f"{name}.html" for name in names}
    assert {path.name for path in everything.folder.iterdir()} == expected | {
        "index.html",
        "numbers.json",
        EXPLORER,
        PLOTLY,
    }
    for name in names:
        assert (everything.folder / f"{name}.png").read_bytes().startswith(b"\x89PNG")


def test_the_explorer_and_the_diagram_come_first(everything: Written) -> None:
    assert everything.run.out[:2] == [EXPLORER, "bifurcation_diagram.png"]
    page = (everything.folder / "index.html").read_text()
    assert page.index(f'href="{EXPLORER}"') < page.index("<section")
    assert page.index('id="bifurcation_diagram"') < page.index("<section", page.index("<section") + 1)


def test_the_page_shows_all_of_them_and_fetches_nothing(everything: Written) -> None:
    page = (everything.folder / "index.html").read_text()
    links = set(re.findall(r'(?:src|href)="([^"]+)"', page))
    assert {path.name for path in everything.folder.iterdir()} - {"index.html", PLOTLY} == links
    assert "://" not in page
    assert "<iframe" in page
    # A frame has a source once its element is opened.
    assert not re.search(r"<iframe[^>]*\ssrc", page)
    alts = dict(re.findall(r'<img src="([^"]+)" alt="([^"]+)"', page))
    assert alts["figure_0.png"] == (
        "Figure 0. Task losses. Across: initial parameter θ, from −1 to 2. Up: task loss, from −0.08 to 2.08. "
        "Shown: θ²/2, (θ − 1)²/2."
    )
    assert set(re.findall(r'<img src="([^"]+)"', page)) == {f"{name}.png" for name in QUADRATIC | QUARTIC}
    assert "✗" not in page


def test_numbers_agree_with_what_is_known(everything: Written) -> None:
    """The optimum and the jump, found here without the package."""
    figures = everything.figures
    assert figures["figure_1"]["optimal_theta"] == pytest.approx(0.5, abs=1e-12)
    assert figures["figure_1"]["meta_loss"] == pytest.approx(1 / 16, abs=1e-12)
    case_1 = figures["optimal_theta_quadratic"]
    for alpha, theta in zip(case_1["alphas"], case_1["optimal_thetas"], strict=True):
        assert theta is None if alpha == 1 else theta == pytest.approx(0.5, abs=1e-12)
    assert case_1["jumps"]["alphas"] == []

    def value(a: Any, t: Any) -> Any:
        return (t - a * t**3) ** 4 / 4 + (1 - a) ** 2 * (t - 1) ** 2 / 2

    def slope(a: Any, t: Any) -> Any:
        return (t - a * t**3) ** 3 * (1 - 3 * a * t**2) + (1 - a) ** 2 * (t - 1)

    with mpmath.workdps(30):
        equations = [
            lambda a, b, c: slope(a, b),
            lambda a, b, c: slope(a, c),
            lambda a, b, c: value(a, b) - value(a, c),
        ]
        exact = mpmath.findroot(equations, (0.33, 0.78, 1.28))
    jumps = figures["optimal_theta_quartic"]["jumps"]
    found = [*jumps["alphas"], *jumps["thetas_before"], *jumps["thetas_after"]]
    np.testing.assert_allclose(found, [float(x) for x in exact], rtol=0, atol=1e-12)


def test_every_figure_has_a_check_with_room_to_fail(everything: Written) -> None:
    for figure in everything.figures.values():
        assert figure["checks"]
        for check in figure["checks"]:
            assert check["deviation"] <= check["tolerance"] <= 1e-12


def test_no_figure_stays_open(everything: Written) -> None:
    import matplotlib.pyplot as plt

    assert everything.run.code == 0
    assert plt.get_fignums() == []


def test_precision_is_as_before(everything: Written) -> None:
    assert everything.run.code == 0
    assert not jax.config.jax_enable_x64  # type: ignore[attr-defined]


@pytest.mark.slow
def test_one_case_writes_that_case_only_and_twice_the_same(tmp_path: Path) -> None:
    folders = tmp_path / "first", tmp_path / "second"
    for folder in folders:
        assert run("figures", "--case", "quadratic", "--format", "svg", "--out", str(folder)).code == 0
    names = {path.name for path in folders[0].iterdir()}
    assert {name for name in names if name.endswith(".svg")} == {f"{name}.svg" for name in QUADRATIC}
    assert not any(name.startswith(tuple(QUARTIC)) for name in names)
    for name in names - {"numbers.json"}:
        if not name.endswith(".html") or name == "index.html":
            assert (folders[0] / name).read_bytes() == (folders[1] / name).read_bytes(), name
    page = (folders[0] / "index.html").read_text()
    assert set(re.findall(r'<img src="([^"]+)"', page)) == {f"{name}.svg" for name in QUADRATIC}


# The rest needs no real figures.


def picture(deviation: float = 0.0) -> pictures.Picture:
    """A figure that costs nothing."""

    def draw() -> Any:
        from matplotlib.figure import Figure

        return Figure(figsize=(1, 1))

    check = checks.Check("0 = 0", deviation)
    return pictures.Picture("small", "A case", "A <title>", "A caption.", draw, None, (check,), {})


@pytest.fixture
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "pictures", lambda case: [picture()])


def test_a_second_run_keeps_what_the_first_one_wrote(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = (picture()._replace(name=name, heading=f"Case {name}", title=name) for name in ("one", "two"))
    for drawn in ([one], [two], [one._replace(title="one again")]):
        monkeypatch.setattr(pictures, "pictures", lambda case, drawn=drawn: drawn)
        assert run("figures", "--out", str(tmp_path)).code == 0
    page = (tmp_path / "index.html").read_text()
    assert re.findall(r"<h2>(.*?)</h2>", page) == ["Case one", "Case two"]
    assert re.findall(r"<h3>(.*?)</h3>", page) == ["one again", "two"]
    assert set(json.loads((tmp_path / "numbers.json").read_text())["figures"]) == {"one", "two"}
    # What somebody took away is gone from the page as well.
    (tmp_path / "two.png").unlink()
    assert run("figures", "--out", str(tmp_path)).code == 0
    assert re.findall(r"<h3>(.*?)</h3>", (tmp_path / "index.html").read_text()) == ["one again"]


@pytest.mark.usefixtures("cheap")
@pytest.mark.parametrize("content", ["mine", "[]", '{"figures": {"small": {}}}'])
def test_a_file_of_that_name_that_is_none_of_ours_is_left_alone(tmp_path: Path, content: str) -> None:
    (tmp_path / "numbers.json").write_text(content)
    done = run("figures", "--out", str(tmp_path))
    assert done.code == 2
    assert "numbers.json" in done.err[0]
    assert "another folder" in done.err[0]
    assert [path.read_text() for path in tmp_path.iterdir()] == [content]


@pytest.mark.parametrize(
    ("arguments", "pixels"),
    [
        ([], (200, 200)),
        (["--dpi", "72"], (72, 72)),
        (["--size", "3x2.5in", "--dpi", "100"], (300, 250)),
        (["--size", "12.7x7.62cm", "--dpi", "100"], (500, 300)),
    ],
)
@pytest.mark.usefixtures("cheap")
def test_size_and_dots_per_inch(tmp_path: Path, arguments: list[str], pixels: tuple[int, int]) -> None:
    assert run("figures", "--out", str(tmp_path), *arguments).code == 0
    image = (tmp_path / "small.png").read_bytes()
    assert struct.unpack(">II", image[16:24]) == pixels


@pytest.mark.parametrize("size", ["3x2.75in", "12x9cm"])
def test_a_legend_keeps_within_a_picture_of_another_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: str
) -> None:
    drawn: list[Any] = []

    def draw() -> Any:
        ax = picture_module.new_axes()
        for name in ("every theta is optimal", "still moving at the end", "the end of it"):
            ax.plot([0, 1], [0, 1], label=name)
        legend(ax)
        drawn.append(ax)
        return ax.figure

    monkeypatch.setattr(pictures, "pictures", lambda case: [picture()._replace(draw=draw)])
    assert run("figures", "--out", str(tmp_path), "--size", size).code == 0
    (ax,) = drawn
    box = ax.get_legend().get_window_extent()
    assert box.x0 >= 0
    assert box.x1 <= ax.figure.bbox.width


@pytest.mark.usefixtures("cheap")
def test_theme(tmp_path: Path) -> None:
    import matplotlib.image

    for theme, paper in (("light", 1.0), ("dark", 0.0)):
        assert run("figures", "--out", str(tmp_path), "--theme", theme).code == 0
        assert (matplotlib.image.imread(tmp_path / "small.png")[..., :3] == paper).all()


@pytest.mark.usefixtures("cheap")
def test_pdf_has_a_png_for_the_page(tmp_path: Path) -> None:
    assert run("figures", "--out", str(tmp_path), "--format", "pdf").code == 0
    assert {path.name for path in tmp_path.iterdir()} == {"small.pdf", "small.png", "index.html", "numbers.json"}
    page = (tmp_path / "index.html").read_text()
    assert '<img src="small.png"' in page
    assert 'href="small.pdf"' in page
    assert "A &lt;title&gt;" in page


@pytest.mark.parametrize("deviation", [1e-9, math.nan, math.inf])
def test_an_identity_that_fails_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, deviation: float) -> None:
    monkeypatch.setattr(pictures, "pictures", lambda case: [picture(deviation), picture()._replace(name="other")])
    done = run("figures", "--out", str(tmp_path))
    assert done.code == 1
    assert len(done.err) == 1
    assert "small: 0 = 0: deviation" in done.err[0]
    assert done.out[-1] == str(tmp_path / "index.html")
    check = json.loads((tmp_path / "numbers.json").read_text())["figures"]["small"]["checks"][0]
    assert check["deviation"] == (deviation if math.isfinite(deviation) else None)
    assert not check["holds"]


def test_a_wrong_formula_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The checks compare with the closed forms; a wrong one does not pass."""
    right = mg.cases.quadratic()
    wrong = right.__class__(**{**vars(right), "meta_loss": lambda t, a: (1 - a) ** 2 * ((t - 0.5) ** 2 + 0.26)})
    with jax.enable_x64(True):
        grid = mg.surface(right.meta(), np.linspace(0, 1, 5), np.linspace(-1, 2, 7))
    for case, holds in ((right, True), (wrong, False)):
        assert checks.check_grid("L_M", grid.values, case.meta_loss, grid).holds == holds


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["figures", "--case", "cubic"], "cubic"),
        (["figures", "--format", "jpg"], "jpg"),
        (["figures", "--cas", "all"], "--cas"),
        (["figures", "--dpi", "many"], "'many' is no whole number from 20 to 1200"),
        (["figures", "--dpi", "5"], "'5' is no"),
        (["figures", "--size", "8x6"], "'8x6' is no width x height with a unit, such as 12x9cm"),
        (["figures", "--size", "1x9cm"], "'1x9cm' is outside"),
        (["figures", "--theme", "sepia"], "sepia"),
        (["figures", "--out"], "--out"),
        (["figures", "extra"], "extra"),
        (["figures", "two\nlines"], "two lines"),
        (["draw"], "draw"),
        (["--colour"], "--colour"),
        ([], "command"),
    ],
)
def test_a_wrong_argument_gets_one_line_and_code_2(arguments: list[str], told: str) -> None:
    done = run(*arguments)
    assert done.code == 2
    assert done.out == []
    assert len(done.err) == 1
    assert done.err[0].startswith("mamlgrid")
    assert told in done.err[0]


@pytest.mark.usefixtures("cheap")
def test_an_output_that_cannot_be_written(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("mine")
    for out in (file, file / "below"):
        done = run("figures", "--out", str(out))
        assert done.code == 2
        assert done.out == []
        assert len(done.err) == 1
        assert str(out) in done.err[0]
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert file.read_text() == "mine"


@pytest.mark.usefixtures("cheap")
def test_a_disk_that_fills_up_leaves_nothing_half_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "index.html").write_text("the page before")

    def full(path: Path, content: str, **_: Any) -> None:
        path.write_bytes(content[:10].encode())
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    done = run("figures", "--out", str(tmp_path))
    assert done.code == 2
    assert len(done.err) == 1
    assert "No space left" in done.err[0]
    assert {path.name for path in tmp_path.iterdir()} == {"index.html", "small.png"}
    assert (tmp_path / "index.html").read_text() == "the page before"


def test_without_plotly_the_rest_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unwanted() -> Any:
        raise AssertionError("plotly is missing")

    monkeypatch.setattr(pictures, "pictures", lambda case: [picture()._replace(interactive=unwanted)])
    for module in (command_line, gallery):
        monkeypatch.setattr(module, "find_spec", lambda name: None)
    done = run("figures", "--out", str(tmp_path))
    assert done.code == 0
    assert [line for line in done.out if "pip install 'mamlgrid[interactive]'" in line] == [done.out[-2]]
    assert {path.name for path in tmp_path.iterdir()} == {"small.png", "index.html", "numbers.json"}
    assert "interactive" not in (tmp_path / "index.html").read_text()


def test_version_and_help() -> None:
    assert run("--version") == Run(0, [f"mamlgrid {mg.__version__}"], [])
    assert "figures" in "\n".join(run("--help").out)
    shown = "\n".join(run("figures", "--help").out)
    assert all(
        word in shown for word in ("--case", "quadratic", "--out", "--format", "svg", "--dpi", "--size", "--theme")
    )


@pytest.mark.slow
def test_as_a_module() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mamlgrid", "figures", "--case", "cubic"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
