"""A whole question: every entry in fresh processes of its own, turn by turn beside the others."""

from __future__ import annotations

import multiprocessing
import traceback
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from time import perf_counter
from typing import Any

from . import _machine
from ._question import Entry, Question, Row, Target, load
from ._timing import Bench, IncorrectError, Part, summary

Ask = Callable[[str], Any]
"""Calls a method of a `Bench`, by name."""

_Verified = tuple[float, tuple[int, int] | None]
"""The error, and how many of how many were found."""

OpenBench = Callable[[Question, Entry, bool], AbstractContextManager[Ask]]


@dataclass(frozen=True)
class Plan:
    """How long to measure.

    Attributes:
        quick: smaller sizes where a question has them.
        processes: of each entry, one after the other. Where its arrays come to lie is the luck of a process.
        turns: of each entry in each process; each gives at least one sample.
        budget: seconds of turns in one process after which an entry takes no more of them.
    """

    quick: bool
    processes: int
    turns: int
    budget: float = float("inf")


FULL = Plan(quick=False, processes=5, turns=3)
QUICK = Plan(quick=True, processes=1, turns=10, budget=1.0)


@contextmanager
def in_process(question: Question, entry: Entry, quick: bool) -> Generator[Ask]:
    """A `Bench` in a fresh process."""
    # Forked processes would inherit the heap of this one.
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, question.name, entry.name, quick))
    process.start()
    theirs.close()

    def ask(method: str) -> Any:
        try:
            ours.send(method)
            failure, answer = ours.recv()
        except (EOFError, BrokenPipeError):
            process.join()
            raise RuntimeError(f"{entry.name}: its process ended with exit code {process.exitcode}") from None
        if failure is not None:
            raise failure
        return answer

    try:
        yield ask
    finally:
        ours.close()  # the process ends when there is no more to read
        process.join()


def run(
    question: Question, plan: Plan, open_bench: OpenBench = in_process, say: Callable[[str], None] = print
) -> dict[str, Any]:
    """Check every entry, then time them side by side, then judge the targets.

    Raises:
        IncorrectError: an entry's answer is wrong; nothing has been timed.
    """
    if question.spawns:
        plan = replace(plan, processes=1, turns=min(10, plan.processes * plan.turns))
    outcome = {
        "question": question.name,
        "title": question.title,
        "unit": question.unit,
        "counted": question.counted,
        "quick": plan.quick,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": _machine.machine(),
        "versions": _machine.versions(),
    }
    load_before, cores = outcome["machine"]["load_before"], outcome["machine"]["cores"]
    if load_before > cores / 2:
        say(f"{question.name}: the machine is busy (load {load_before} on {cores} cores): poor numbers")
    for entry in question.entries:
        if entry.missing:
            say(f"{question.name}: {entry.name} is skipped: {entry.missing}")
    present = [entry for entry in question.entries if not entry.missing]
    verified = _verify(question, present, plan, open_bench)
    parts = [_process_each(question, present, plan, open_bench) for _ in range(plan.processes)]
    rows: dict[str, Row] = {}
    for entry in question.entries:
        row: Row = {"name": entry.name, "skipped": entry.missing, "work": entry.work}
        if not entry.missing:
            error, found = verified[entry.name]
            row |= {"error": error, "tolerance": entry.tolerance}
            row |= {"found": list(found), "missed": found[1] - found[0]} if found else {}
            row |= summary([part[entry.name] for part in parts])
        rows[entry.name] = row
    targets = [judge(target, rows) for target in question.targets]
    return outcome | {"rows": list(rows.values()), "targets": targets}


def judge(target: Target, rows: dict[str, Row]) -> dict[str, Any]:
    """The number reached beside the one asked for; `met` is None where a side was skipped."""
    names = [target.entry] + ([target.peer] if target.peer else [])
    verdict = {
        "claim": target.claim,
        "at_most": target.at_most,
        "at_least": target.at_least,
        "absolute": target.what if target.peer is None and target.scale == 1.0 else None,
        "measured": None,
        "met": None,
        "reason": None,
    }
    skipped = [name for name in names if rows[name]["skipped"]]
    if skipped:
        return verdict | {"reason": f"{' and '.join(skipped)} skipped"}
    ours = _number(rows[target.entry], target.what)
    other = _number(rows[target.peer], target.what) if target.peer else target.scale
    if target.at_least is not None:
        measured = _ratio(other, ours)
        met = measured >= target.at_least
    else:
        assert target.at_most is not None
        measured = _ratio(ours, other)
        met = measured <= target.at_most
    reason = target.reason or (lambda rows: "; ".join(_plain_numbers(rows[name]) for name in names))
    return verdict | {"measured": measured, "met": met, "reason": None if met else reason(rows)}


def _verify(question: Question, entries: list[Entry], plan: Plan, open_bench: OpenBench) -> dict[str, _Verified]:
    def verified(entry: Entry) -> _Verified:
        with open_bench(question, entry, plan.quick) as ask:
            return ask("verify"), ask("found") if entry.found else None

    with ThreadPoolExecutor(2) as two_at_a_time:  # nothing is timed yet
        return dict(zip([e.name for e in entries], two_at_a_time.map(verified, entries), strict=True))


def _process_each(question: Question, entries: list[Entry], plan: Plan, open_bench: OpenBench) -> dict[str, Part]:
    """One fresh process for each entry, all open at once, measuring in turns."""
    with ExitStack() as stack:
        asks = {e.name: stack.enter_context(open_bench(question, e, plan.quick)) for e in entries}
        for ask in asks.values():
            ask("start")
        names, spent = list(asks), dict.fromkeys(asks, 0.0)
        for turn in range(plan.turns):
            # Each round starts with another entry, so that none always follows the same one.
            first = turn % len(names)
            for name in names[first:] + names[:first]:
                if spent[name] < plan.budget:
                    start = perf_counter()
                    asks[name]("turn")
                    spent[name] += perf_counter() - start
        return {name: ask("finish") for name, ask in asks.items()}


def _number(row: Row, what: str) -> float:
    if what == "seconds":
        return row["seconds"]["median"] / row["work"]
    if what == "first_more":
        return max(0.0, row["first_seconds"] - row["seconds"]["median"])
    if what == "found":
        return row["found"][0]
    return row[what]


def _ratio(a: float, b: float) -> float:
    return a / b if b else (0.0 if a == 0 else float("inf"))


def _plain_numbers(row: Row) -> str:
    milliseconds, faults = row["seconds"]["median"] * 1e3, row["page_faults"]["median"]
    return f"{row['name']}: {milliseconds:.3g} ms and {faults:,.0f} page faults a call"


def _serve(pipe: Connection, question: str, entry: str, quick: bool) -> None:
    """The other side of `in_process`: call the methods of a `Bench` until the pipe closes."""
    bench = Bench(load(question, quick).entry(entry))
    while True:
        try:
            method = pipe.recv()
        except EOFError:
            return
        try:
            pipe.send((None, getattr(bench, method)()))
        except IncorrectError as error:
            pipe.send((error, None))
        except Exception:
            pipe.send((RuntimeError(f"{entry} failed:\n{traceback.format_exc()}"), None))
