"""Is the explorer fast where a reader waits: compiling, opening the page, and while something is dragged?"""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from . import peers
from ._question import Call, Entry, OwnClock, Question, Target

_ALPHAS, _THETAS = (0.0, 1.2), (-2.0, 2.0)
_SIZE = 256
_SHOTS = 20
_WARM = 5  # surfaces before the one that is timed: by then V8 has compiled what is hot
_TOLERANCE = 1e-10  # of doubles against the closed form, or against JAX in float64

# Seconds that a frame may take while a task is dragged, and bytes that a page may have.
_FRAME, _PAGE = 0.033, 1_500_000

_CHROMIUM = shutil.which("chromium") or "chromium"


def question(quick: bool) -> Question:
    """Case 2, its four algorithms."""
    size = 64 if quick else _SIZE
    steps = (1, 5, 10)
    values = [_values_entry(k, size) for k in steps]
    jax_values = [_jax_entry(k, size) for k in steps]
    data = f"the same of sinusoids with {_SHOTS} shots a task"
    compiled = "compile to JavaScript: four algorithms, K = 0 to 10"
    frames = "from one new surface to the next while a task is dragged, 95 % (Chromium)"
    first = "from opening the file to the first picture (Chromium)"
    needs = ("playwright",) if shutil.which("chromium") else ("playwright", "chromium")
    entries = (
        Entry(compiled, lambda: _compiled(_explorer), _missing_programs, 0.0, found=_bytes),
        Entry(data, lambda: _compiled(_explorer_of_shots), _missing_programs, 0.0, found=_bytes),
        *values,
        *jax_values,
        Entry(first, lambda: _in_browser(_first_picture), float, 0.0, requires=needs),
        Entry(frames, lambda: _in_browser(_dragged), float, 0.0, requires=needs),
    )
    targets = (
        *(
            Target(f"K = {k}: {size} x {size} values within a frame", ours.name, None, at_most=_FRAME)
            for k, ours in zip(steps, values, strict=True)
        ),
        Target("bytes of the page with four algorithms", compiled, None, "found", at_most=_PAGE),
        Target(f"bytes of that of {_SHOTS} shots", data, None, "found", at_most=_PAGE),
        Target(first, first, None, at_most=1.0),
        Target(frames, frames, None, at_most=_FRAME),
    )
    title = (
        f"The explorer of case 2 with its four algorithms; surfaces of {size} x {size} values in Node; "
        "memory and page faults of Chromium are not measured"
    )
    return Question("explorer", title, entries, targets, counted="bytes of the page")


def _explorer() -> Any:
    from mamlgrid._figures.explore import explorer_of_case

    return explorer_of_case("quartic")


def metas_of_shots(shots: int) -> dict[str, Any]:
    """Four algorithms on the regression of sines from so many shots a task."""
    import jax.numpy as jnp

    import mamlgrid as mg

    x = np.random.default_rng(0).uniform(-5, 5, (3, shots))
    tasks = mg.Tasks((x, np.sin(x + np.array([[0.0], [1.0], [2.0]]))))

    def loss(theta: Any, data: Any) -> Any:
        return jnp.mean((1.5 * jnp.sin(theta * data[0]) - data[1]) ** 2)

    metas = {"MAML": mg.maml(loss, tasks), "FOMAML": mg.fomaml(loss, tasks), "Reptile": mg.reptile(loss, tasks)}
    return metas | {"iMAML": mg.imaml(loss, tasks, strength=2.0)}


def _explorer_of_shots() -> Any:
    """The page of tasks whose data are most of their program."""
    import mamlgrid as mg

    return mg.plot.explorer(metas_of_shots(_SHOTS), (0.0, 1.0), _THETAS)


def _compiled(explorer: Callable[[], Any]) -> Call:
    return lambda: explorer().html


def _missing_programs(page: str) -> float:
    """How many of the four algorithms the page does not name."""
    return float(sum(f'"name": "{name}"' not in page for name in ("MAML", "FOMAML", "Reptile", "iMAML")))


def _bytes(page: str) -> tuple[int, int]:
    return len(page.encode()), _PAGE


def _exact(k: int, size: int) -> Any:
    """The values in float64 by the recursion of plain gradient descent."""
    alphas, thetas = np.linspace(*_ALPHAS, size)[:, None], np.linspace(*_THETAS, size)
    return _by_recursion(k, alphas, thetas)


def _by_recursion(k: int, alphas: Any, thetas: Any) -> Any:
    with np.errstate(all="ignore"):
        quartic, quadratic = (np.broadcast_to(thetas, (alphas.size, thetas.size)) for _ in range(2))
        for _ in range(k):
            quartic, quadratic = quartic - alphas * quartic**3, quadratic - alphas * (quadratic - 1)
        return quartic**4 / 4 + (quadratic - 1) ** 2 / 2


def _grid_error(k: int, size: int) -> Callable[[Any], float]:
    def error(found: Any) -> float:
        exact = _exact(k, size)
        # Where values are that large, K steps have blown each rounding up by as much.
        fair = exact < 1e3
        return peers.largest_error(np.reshape(np.asarray(found, float), exact.shape)[fair], exact[fair])

    return error


def _values_entry(k: int, size: int) -> Entry:
    def build() -> Call:
        import mamlgrid as mg
        from mamlgrid._explorer import page

        case = mg.cases.quartic()
        meta = mg.maml(mg.cases.polynomial_loss, case.tasks())
        made = mg.plot.explorer(meta, _ALPHAS, _THETAS, num_steps=[k])
        numbers = [parameter["value"] for parameter in made.data["parameters"]]
        script = f"""{page.engine_script(made.data, made.sources)}
        const p = Float64Array.from({json.dumps(numbers)});
        const f = programOf(0, "{k}");
        const alphas = linspace({_ALPHAS[0]}, {_ALPHAS[1]}, {size});
        const thetas = linspace({_THETAS[0]}, {_THETAS[1]}, {size});
        const held = process.memoryUsage().rss;
        for (let turn = 0; turn < {_WARM}; turn++) grid(f, alphas, thetas, p, "value");
        const faults = () => process.resourceUsage().minorPageFault + process.resourceUsage().majorPageFault;
        const [before, start] = [faults(), performance.now()];
        const values = grid(f, alphas, thetas, p, "value");
        const [seconds, faulted] = [(performance.now() - start) / 1000, faults() - before];
        // In Linux maxRSS begins with that of the Python that started this process.
        const linux = () => /VmHWM:\\s*(\\d+)/.exec(require("fs").readFileSync("/proc/self/status", "utf8"))[1];
        const peak = 1024 * (process.platform === "linux" ? linux() : process.resourceUsage().maxRSS) - held;
        const shown = Array.from(values, (x) => (Number.isFinite(x) ? x : 1e300));
        console.log(JSON.stringify([seconds, faulted, peak, shown]));"""

        def call() -> OwnClock:
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "grid.cjs"
                path.write_text(script, encoding="utf-8")
                done = subprocess.run(["node", str(path)], capture_output=True, text=True, check=True)
            seconds, faults, peak, values = json.loads(done.stdout)
            return OwnClock(seconds, faults, max(0, peak), values)

        return call

    name = f"values in JavaScript, K = {k}"
    return Entry(name, build, _grid_error(k, size), _TOLERANCE, requires=() if shutil.which("node") else ("node",))


def _jax_entry(k: int, size: int) -> Entry:
    def build() -> Call:
        import jax

        import mamlgrid as mg

        jax.config.update("jax_enable_x64", True)
        meta = mg.maml(mg.cases.polynomial_loss, mg.cases.quartic().tasks(), num_steps=k)
        alphas, thetas = np.linspace(*_ALPHAS, size), np.linspace(*_THETAS, size)
        row = jax.jit(jax.vmap(jax.vmap(meta, (0, None)), (None, 0)))
        return lambda: np.asarray(row(thetas, alphas).block_until_ready())

    return Entry(f"values in jitted JAX, K = {k}", build, _grid_error(k, size), _TOLERANCE)


def _in_browser(measured: Callable[[Any, str], float]) -> Call:
    """A call that opens the page and returns what `measured(playwright's browser, address)` says, in seconds."""
    folder = tempfile.mkdtemp()
    address = _explorer().write(Path(folder) / "explorer.html").as_uri()

    def call() -> OwnClock:
        from playwright.sync_api import sync_playwright

        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=_CHROMIUM, args=["--no-sandbox"])
            seconds = measured(browser, address)
            browser.close()
        return OwnClock(seconds, 0, 0, 0.0)

    return call


def _first_picture(browser: Any, address: str) -> float:
    page = browser.new_page()
    page.goto(address)
    page.wait_for_selector("body[data-drawn] #numbers dd")
    return page.evaluate("performance.getEntriesByName('first picture')[0].startTime / 1000")


# Milliseconds between paintings of a new surface, while a slider moves back and forth once a frame for four seconds.
# Frames by themselves say nothing: the work is in workers, and without a new surface they come as fast as ever.
_DRAG = """
() => new Promise((resolve) => {
  const slider = document.querySelector("#parameters input[type=range]");
  const [times, known] = [[], new WeakSet()];
  const { prototype } = CanvasRenderingContext2D;
  const draw = prototype.drawImage;
  prototype.drawImage = function (image, ...place) {
    // The scale of colours is one pixel wide; a surface is a new image each time.
    if (image.width > 1 && !known.has(image)) times.push(performance.now());
    known.add(image);
    return draw.call(this, image, ...place);
  };
  const began = performance.now();
  const turn = () => {
    const past = performance.now() - began;
    slider.value = 0.5 * Math.sin(past / 160);
    slider.dispatchEvent(new Event("input", { bubbles: true }));
    if (past < 4000) return requestAnimationFrame(turn);
    prototype.drawImage = draw;
    resolve(times.slice(1).map((time, k) => time - times[k]));
  };
  requestAnimationFrame(turn);
})
"""


def _dragged(browser: Any, address: str) -> float:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(address)
    page.wait_for_selector("body[data-drawn] #numbers dd")
    page.wait_for_timeout(2000)
    return float(np.quantile(page.evaluate(_DRAG), 0.95)) / 1000
