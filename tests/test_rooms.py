"""The map in CONTRIBUTING.md is true: what it names is there, and rooms import only from rooms above them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "CONTRIBUTING.md").read_text()
ORDER = re.findall(r"^\| `mamlgrid/(\w+)(?:/|\.py)` \|", TEXT, re.MULTILINE)

# The words of the signatures name rules; they are imported for type checking only.
EXEMPT = {"_base/types.py"}


def test_what_the_map_names_is_there():
    paths = set(re.findall(r"`((?:mamlgrid|tests|benchmarks)/[\w/.]*)`", TEXT))
    assert len(paths) > 40
    assert sorted(path for path in paths if not (ROOT / path).exists()) == []
    for room in ("_stationary", "_diagram"):
        files = {path.name for path in (ROOT / "mamlgrid" / room).glob("*.py")} - {"__init__.py"}
        told = set(re.findall(r"`(\w+\.py)`", TEXT)) | {Path(path).name for path in paths}
        assert files - told == set()


def test_every_room_is_on_the_map():
    rooms = {path.stem for path in (ROOT / "mamlgrid").iterdir() if path.suffix in ("", ".py")}
    assert rooms - {"__init__", "__main__", "__pycache__", "py"} == set(ORDER) | {"py.typed"} & rooms


@pytest.mark.parametrize("room", ORDER)
def test_a_room_imports_only_from_rooms_above_it(room):
    path = ROOT / "mamlgrid" / room
    files = path.rglob("*.py") if path.is_dir() else [path.with_suffix(".py")]
    below = set(ORDER[ORDER.index(room) + 1 :])
    for file in files:
        name = file.relative_to(ROOT / "mamlgrid").as_posix()
        if name not in EXEMPT:
            assert below & set(_imported_rooms(file)) == set(), name


def _imported_rooms(file: Path) -> Iterator[str]:
    """The rooms a file imports when it runs: not what it imports for type checking."""
    here = file.relative_to(ROOT / "mamlgrid").parent.parts
    tree = ast.parse(file.read_text())
    for_types = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level and id(node) not in for_types:
            base = [*here[: len(here) - node.level + 1], *(node.module.split(".") if node.module else [])]
            yield from base[:1] or (alias.name for alias in node.names)
