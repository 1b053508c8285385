"""The command line: `python -m benchmarks QUESTION [...]`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from . import _report
from ._question import QUESTIONS, load
from ._run import FULL, QUICK, run
from ._timing import IncorrectError

_HERE = Path(__file__).parent


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """One line, exit code 2."""
        self.exit(2, f"{self.prog}: {message}\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the questions; the exit code says whether every entry was correct, not whether it was fast."""
    parser = _Parser(
        prog="benchmarks",
        description="Time mamlgrid beside its peers. Each question writes a JSON file; `table` makes "
        "the tables of benchmarks/README.md from those of the full runs.",
    )
    parser.add_argument("questions", nargs="+", metavar="QUESTION", help=f"{', '.join(QUESTIONS)}; all; or table")
    parser.add_argument("--quick", action="store_true", help="fewer runs and smaller sizes: all in two minutes")
    parser.add_argument("--out", type=Path, default=_HERE / "results", help="folder of the JSON files")
    asked = parser.parse_args(arguments)
    for name in asked.questions:
        if name not in (*QUESTIONS, "all", "table"):
            parser.error(f"unknown question {name!r}; choose from {', '.join(QUESTIONS)}, all, table")
    try:
        asked.out.mkdir(parents=True, exist_ok=True)
        for name in QUESTIONS:
            if name in asked.questions or "all" in asked.questions:
                outcome = run(load(name, asked.quick), QUICK if asked.quick else FULL)
                _report.write(outcome, asked.out)
                print(f"## {name}\n\n{_report.markdown(outcome)}", flush=True)
        if "table" in asked.questions:
            written = _report.update_readme(_HERE / "README.md", asked.out)
            print(f"README.md: {', '.join(written) or 'nothing'} written from {asked.out}")
    except IncorrectError as error:
        print(f"benchmarks: nothing timed: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        parser.error(str(error))
    return 0


if __name__ == "__main__":
    sys.exit(main())
