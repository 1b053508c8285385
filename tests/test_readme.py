"""The README does what it says: its examples run, in an empty folder."""

from __future__ import annotations

import dataclasses
import doctest
import re
from pathlib import Path

import jax
import numpy as np
import optax
import pytest

import mamlgrid as mg

from .lanes import brief

README = Path(__file__).parents[1] / "README.md"
TEXT = README.read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
PLAIN = [block for block in BLOCKS if ">>>" not in block]


def test_the_ten_lines_draw_a_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    (block,) = PLAIN
    exec(compile(block, "README.md", "exec"), {})
    assert (tmp_path / "contour.png").stat().st_size > 10_000
    assert capsys.readouterr().out.startswith("[0.326")


# The examples of a section use names of the sections before, but nobody those of the networks, which are trained.
NETWORKS = "## Tasks with data, networks"
BEFORE, REST = TEXT.split(NETWORKS)
THEIRS, AFTER = re.split(r"(?m)^(?=## )", REST, maxsplit=1)
# Each with the modules that the other imports.
PARTS = {"networks": (THEIRS, {"mg": mg, "np": np}), "the rest": (BEFORE + AFTER, {"jax": jax, "optax": optax})}


@pytest.mark.parametrize("part", brief(PARTS, "the rest"))
def test_the_examples_print_what_they_show(part: str) -> None:
    text, modules = PARTS[part]
    examples = doctest.DocTestParser().get_doctest(text, modules, README.name, str(README), 0)
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS)
    failed, tried = runner.run(examples)
    assert tried > 5
    assert failed == 0


RESULTS = [
    name for name, value in vars(mg).items() if dataclasses.is_dataclass(value) and hasattr(value, "_repr_html_")
]


@pytest.mark.parametrize("name", [n for n in RESULTS if n not in ("OuterState", "Trace")])
def test_every_field_of_a_result_is_told(name: str) -> None:
    told = re.search(rf"^`{name}`.*?(?=^`[A-Z]|^#)", TEXT.split("### Every field")[1], re.DOTALL | re.MULTILINE)
    assert told, name
    fields = {field.name for field in dataclasses.fields(getattr(mg, name))} - {"provenance"}
    assert fields - set(re.findall(r"`(\w+)`", told[0])) == set()


def test_every_field_of_a_single_feature_is_told() -> None:
    for feature in (mg.StationaryPoint, mg.Fold, mg.Jump):
        assert f"| `{feature.__name__}` | {', '.join(f'`{field}`' for field in feature._fields)} |" in TEXT


def test_every_status_and_kind_is_told() -> None:
    rows = re.findall(r"^\| ([A-Z_]+) \|", TEXT, re.MULTILINE)
    assert sorted(rows) == sorted(status.name for status in mg.Status)
    for kind in (*mg.Kind, *mg.BranchPointKind):
        assert re.search(rf"\b{kind.name}\b", TEXT), kind
