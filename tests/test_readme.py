"""The README does what it says: its examples run, in an empty folder."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import pytest

README = Path(__file__).parents[1] / "README.md"
BLOCKS = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
PLAIN = [block for block in BLOCKS if ">>>" not in block]


def test_the_ten_lines_draw_a_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    (block,) = PLAIN
    exec(compile(block, "README.md", "exec"), {})
    assert (tmp_path / "contour.png").stat().st_size > 10_000
    assert capsys.readouterr().out.startswith("[0.326")


def test_the_examples_print_what_they_show() -> None:
    flags = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    failed, tried = doctest.testfile(str(README), module_relative=False, optionflags=flags)
    assert tried > 5
    assert failed == 0
