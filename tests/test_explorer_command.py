"""`mamlgrid explore`: a page from a case or from a function of the caller, or one line that says what is wrong."""

from __future__ import annotations

import webbrowser
from pathlib import Path

import pytest

from .test_cli import run

MODULE = """
import jax.numpy as jnp
import mamlgrid as mg

def one():
    return mg.maml([lambda t: (t - 1) ** 2], num_steps=1)

def several():
    losses = [lambda t: jnp.cos(t), lambda t: t**2]
    return {"MAML": mg.maml(losses), "</script> & Co": mg.fomaml(losses)}

def nothing():
    return 3

def bessel():
    from jax.scipy.special import i0e
    return mg.maml([lambda t: i0e(t)])

def misspelt():
    return mg.mmaml([lambda t: t**2])

def mistaken():
    return mg.maml([])

def lost():
    import no_such_module_either

number = 3

def network():
    return mg.maml([lambda t: t["weight"] ** 2])
"""


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A module in the folder where the command runs, of a name that no other test has."""
    name = f"problems_of_{tmp_path.name}".replace("-", "_")
    (tmp_path / f"{name}.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)
    return name


def test_the_meta_losses_of_a_function_become_a_page(mine, tmp_path, monkeypatch):
    opened = []
    monkeypatch.setattr(webbrowser, "open", opened.append)
    done = run("explore", "--case", f"{mine}:several", "--alphas", "0", "0.5", "--out", "page.html", "--open")
    assert (done.code, done.out, done.err) == (0, [str(tmp_path / "page.html")], [])
    assert opened == [(tmp_path / "page.html").as_uri()]
    page = (tmp_path / "page.html").read_text()
    assert page.count("</script>") == 3  # data, engine, page: the name of a meta-loss is no end of any
    assert '"alpha": [0.0, 0.5]' in page
    assert "http" not in page.replace("http-equiv", "").replace("http://www.w3.org/2000/svg", "")


MISTAKES = {
    ("nope",): "'nope' is no case (quadratic, quartic) and no MODULE:FUNCTION",
    ("no_such_module:f",): "there is no module 'no_such_module'",
    ("{mine}:no_such_function",): "has no function 'no_such_function'",
    ("{mine}:number",): "has no function 'number'",
    ("{mine}.part:f",): "there is no module '{mine}.part'",
    ("{mine}:nothing",): "must return a meta-loss, or a mapping of names to them; got 3",
    ("{mine}:bessel",): "bessel_i0e has no rule",
    ("{mine}:one", "--alphas", "1", "0"): "alphas must rise",
    ("{mine}:one", "--out", "missing/page.html"): "give a folder that exists",
    ("{mine}:network",): "theta must be a scalar",
}


# What goes wrong inside of the function is the reader's to see, whole.
RAISED = {
    "misspelt": (AttributeError, "has no attribute 'mmaml'"),
    "mistaken": (ValueError, "no losses"),
    "lost": (ModuleNotFoundError, "no_such_module_either"),
}


@pytest.mark.parametrize("name", RAISED)
def test_an_error_inside_of_the_function_passes_and_names_it(name: str, mine: str) -> None:
    kind, words = RAISED[name]
    with pytest.raises(kind, match=words) as raised:
        run("explore", "--case", f"{mine}:{name}")
    assert raised.value.__notes__ == [f"raised in {mine}:{name}, which mamlgrid explore called"]


@pytest.mark.parametrize("arguments", MISTAKES, ids=lambda given: given[0].strip("{mine}:"))
def test_a_mistake_is_one_line(arguments: tuple[str, ...], mine: str, tmp_path: Path) -> None:
    done = run("explore", "--case", *(argument.format(mine=mine) for argument in arguments))
    assert (done.code, done.out) == (2, [])
    (line,) = done.err
    assert line.startswith("mamlgrid explore: ")
    assert MISTAKES[arguments].format(mine=mine) in line
    assert [path.suffix for path in tmp_path.iterdir() if path.is_file()] == [".py"]
