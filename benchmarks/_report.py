"""What was measured, kept as JSON and shown as Markdown; no number comes from anywhere else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from mamlgrid._base.replacing import write_text

from ._question import QUESTIONS

Outcome = dict[str, Any]


def write(outcome: Outcome, folder: Path) -> Path:
    """Write `<question>.json`, or `<question>.quick.json`, whole or not at all."""
    suffix = ".quick.json" if outcome["quick"] else ".json"
    return write_text(folder / (outcome["question"] + suffix), json.dumps(outcome, indent=1) + "\n")


def update_readme(readme: Path, folder: Path) -> list[str]:
    """Put the tables of the full runs in `folder` between their markers; the other sections stay as they are.

    Returns:
        The questions whose section was written.
    """
    text = readme.read_text()
    found = [name for name in QUESTIONS if (folder / f"{name}.json").exists()]
    for name in found:
        begin, end = f"<!-- begin {name} -->\n", f"<!-- end {name} -->"
        if begin not in text or end not in text:
            raise ValueError(f"{readme.name} has no markers {begin.strip()!r} and {end!r}; put them back")
        before, rest = text.split(begin, 1)
        after = rest.split(end, 1)[1]
        section = markdown(json.loads((folder / f"{name}.json").read_text()))
        text = f"{before}{begin}{section}{end}{after}"
    write_text(readme, text)
    return found


def markdown(outcome: Outcome) -> str:
    """The section of one question: its table, its targets, the machine."""
    unit, counted = outcome["unit"], outcome.get("counted")
    head = ["", "median (quartiles)", *([f"{unit} / s"] if unit else [])]
    head += ["first call more", "max error", *([counted] if counted else [])]
    head += ["peak memory", "page faults", "runs in processes"]
    lines = [outcome["title"] + ".", "", *_table(head, [_cells(row, unit, counted) for row in outcome["rows"]])]
    verdicts = [_verdict(target) for target in outcome["targets"]]
    lines += [
        "",
        *_table(["target", "asked", "measured", "", "reason"], verdicts),
        "",
        _circumstances(outcome),
        "",
    ]
    return "\n".join(lines)


def _table(head: list[str], rows: list[list[str]]) -> list[str]:
    rule = ["---"] + ["---:"] * (len(head) - 1) if head[0] == "" else ["---"] * len(head)
    return [f"| {' | '.join(cells)} |" for cells in (head, rule, *rows)]


def _cells(row: dict[str, Any], unit: str | None, counted: str | None) -> list[str]:
    if row["skipped"]:
        return [row["name"], f"skipped: {row['skipped']}", *[""] * (5 + bool(unit) + bool(counted))]
    seconds = row["seconds"]
    spread = f"{duration(seconds['median'])} ({duration(seconds['lower'])} to {duration(seconds['upper'])})"
    return [
        row["name"],
        spread,
        *([f"{row['work'] / seconds['median']:.3g}"] if unit else []),
        duration(max(0.0, row["first_seconds"] - seconds["median"])),
        f"{row['error']:.2g}",
        *(["{:,} of {:,}".format(*row["found"]) if "found" in row else ""] if counted else []),
        f"{row['peak_bytes'] / 1e6:,.0f} MB",
        _faults(row["page_faults"]),
        f"{row['runs']} in {row['processes']}",
    ]


def _faults(faults: dict[str, float]) -> str:
    median, lower, upper = (f"{faults[name]:,.0f}" for name in ("median", "lower", "upper"))
    return median if lower == upper else f"{median} ({lower} to {upper})"


def _verdict(target: dict[str, Any]) -> list[str]:
    def shown(number: float) -> str:
        if target["absolute"] in ("seconds", "first_seconds"):
            return duration(number)
        return f"{number:,.0f}" if number >= 1000 else f"{number:.3g}"

    at_most, at_least, met = target["at_most"], target["at_least"], target["met"]
    asked = f"≤ {shown(at_most)}" if at_most is not None else f"≥ {shown(at_least)}"
    if met is None:
        return [target["claim"], asked, "not measured", "", target["reason"]]
    return [
        target["claim"],
        asked,
        shown(target["measured"]),
        "met" if met else "**missed**",
        target["reason"] or "",
    ]


def _circumstances(outcome: Outcome) -> str:
    machine = outcome["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in outcome["versions"].items())
    memory = f"{machine['memory_bytes'] / 2**30:.0f} GiB"
    return (
        f"{outcome['date'][:10]}{', quick run' if outcome['quick'] else ''}; {machine['cpu']}, "
        f"{machine['cores']} cores, {memory}, {machine['system']}, {machine['libc']}, "
        f"transparent huge pages: {machine['huge_pages']}, load before: {machine['load_before']}; {versions}."
    )


def duration(seconds: float) -> str:
    """Three digits and a unit.

    >>> duration(0.00123456), duration(12.3456), duration(0.0)
    ('1.23 ms', '12.3 s', '0 s')
    """
    for scale, unit in ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs")):
        if seconds >= scale:
            return f"{seconds / scale:.3g} {unit}"
    return f"{seconds:.1g} s" if seconds else "0 s"
