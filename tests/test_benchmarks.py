"""The benchmark harness: its statistics, its order of work, its tables. No test asserts a time."""

from __future__ import annotations

import doctest
import json
import math
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("psutil")

import mamlgrid as mg
from benchmarks import __main__ as command_line
from benchmarks import (
    _report,
    _timing,
    algorithms,
    bifurcation_diagram,
    memory,
    optimal_theta,
    peers,
    sinusoid,
    surface,
)
from benchmarks._question import QUESTIONS, Entry, OwnClock, Question, Target, load
from benchmarks._run import Plan, in_process, judge, run
from benchmarks._timing import Bench, IncorrectError, Part, Sample, spread, summary

from . import oracles, oracles_folds

ROOT = Path(__file__).parents[1]
ONCE = Plan(quick=True, processes=1, turns=1)


@pytest.fixture(autouse=True)
def idle_machine(monkeypatch):
    """What else runs here is not the tests' concern."""
    monkeypatch.setattr("os.getloadavg", lambda: (0.0, 0.0, 0.0))


class Scripted:
    """A clock, and a call that takes the given seconds one after another."""

    def __init__(self, *seconds: float) -> None:
        self.now, self.left, self.calls = 0.0, list(seconds), 0

    def clock(self) -> float:
        return self.now

    def __call__(self) -> int:
        self.calls += 1
        self.now += self.left.pop(0)
        return self.calls

    def bench(self) -> Bench:
        return Bench(entry("scripted", lambda: self), self.clock)


def entry(name, build=lambda: lambda: 0.0, error=lambda result: 0.0, tolerance=1e-3, **more) -> Entry:
    return Entry(name, build, error, tolerance, **more)


def question(*entries: Entry, targets: tuple[Target, ...] = (), **more) -> Question:
    return Question("surface", "A title", entries, targets, **more)


class Local:
    """Benches in this process, with a record of what was asked of which."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []

    @contextmanager
    def __call__(self, question: Question, entry: Entry, quick: bool) -> Iterator:
        bench = Bench(entry)

        def ask(method: str):
            self.asked.append((method, entry.name))
            return getattr(bench, method)()

        yield ask


# --- statistics ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [([7.0], (7, 7, 7)), ([1.0, 2.0], (1.5, 1.25, 1.75)), ([9.0, 1.0, 5.0, 3.0, 7.0], (5, 3, 7))],
)
def test_median_and_quartiles_of_known_numbers(numbers, expected):
    assert spread(numbers) == expected
    assert spread(numbers) == tuple(np.percentile(numbers, [50, 25, 75]))


def test_the_first_call_and_the_preparing_call_are_not_among_the_samples():
    call = Scripted(9.0, 0.02, 0.03, 0.01)  # first, preparing, then two, because 0.05 s hold two of 0.02 s
    bench = call.bench()
    bench.start()
    bench.turn()
    part = bench.finish()
    assert part.first_seconds == 9.0
    assert [s.seconds for s in part.samples] == pytest.approx([0.03, 0.01])
    assert not call.left


def test_a_long_call_is_its_turn_by_itself():
    bench = Scripted(9.0, 0.7, 0.8).bench()
    bench.start()
    bench.turn()
    bench.turn()
    assert [s.seconds for s in bench.finish().samples] == pytest.approx([0.7, 0.8])


def test_a_turn_has_at_most_ten_samples():
    bench = Scripted(9.0, *[1e-6] * 11).bench()
    bench.start()
    bench.turn()
    assert len(bench.finish().samples) == 10


def test_a_call_may_have_its_own_clock():
    bench = Bench(entry("own", lambda: lambda: OwnClock(3.0, 5, 7, None)))
    bench.start()
    bench._samples.append(_timing.sample(bench._call))
    assert bench.finish() == Part([Sample(3.0, 5, 7)], 3.0, 7)


def test_each_result_is_dropped_before_the_next_call():
    alive: list[int] = []

    class Result:
        def __init__(self) -> None:
            assert not alive
            alive.append(1)

        def __del__(self) -> None:
            alive.clear()

    for _ in range(3):
        _timing.sample(Result)


def test_processes_are_pooled():
    parts = [Part([Sample(1.0, 10), Sample(3.0, 10)], 8.0, 100), Part([Sample(2.0, 40)], 6.0, 300)]
    row = summary(parts)
    assert row["seconds"] == {"median": 2.0, "lower": 1.5, "upper": 2.5}
    assert row["page_faults"]["median"] == 10
    assert (row["first_seconds"], row["peak_bytes"], row["runs"], row["processes"]) == (7.0, 200, 3, 2)
    assert row["samples"] == [[[1.0, 10], [3.0, 10]], [[2.0, 40]]]


# --- the order of work -----------------------------------------------------------------------------


@pytest.mark.parametrize("error", [0.1, math.nan, math.inf])
def test_a_wrong_answer_aborts_before_anything_is_timed(error):
    local = Local()
    with pytest.raises(IncorrectError, match=r"^wrong: error (0\.1|nan|inf), allowed 0\.001$"):
        run(question(entry("right"), entry("wrong", error=lambda result: error)), ONCE, local)
    assert {method for method, _ in local.asked} == {"verify"}


def test_all_entries_are_checked_then_take_turns_in_each_process():
    local = Local()
    outcome = run(question(entry("a"), entry("b")), Plan(quick=False, processes=2, turns=2), local)
    assert sorted(local.asked[:2]) == [("verify", "a"), ("verify", "b")]
    one_process = [("start", "a"), ("start", "b"), ("turn", "a"), ("turn", "b"), ("turn", "b"), ("turn", "a")]
    assert local.asked[2:] == 2 * [*one_process, ("finish", "a"), ("finish", "b")]
    assert [row["processes"] for row in outcome["rows"]] == [2, 2]


def test_calls_that_are_processes_need_one_process_to_make_them():
    local = Local()
    outcome = run(question(entry("a"), spawns=True), Plan(quick=False, processes=2, turns=3), local)
    assert outcome["rows"][0]["processes"] == 1
    assert local.asked.count(("turn", "a")) == 6


def test_an_entry_over_budget_takes_no_more_turns():
    local = Local()
    run(question(entry("a")), Plan(quick=True, processes=1, turns=5, budget=1e-12), local)
    assert local.asked.count(("turn", "a")) == 1


def test_an_entry_whose_package_is_absent_is_skipped_with_a_line():
    said: list[str] = []
    target = Target("faster", "ours", "theirs", at_least=1.0)
    absent = entry("theirs", requires=("no_such_package",))
    outcome = run(question(entry("ours"), absent, targets=(target,)), ONCE, Local(), said.append)
    assert said == ["surface: theirs is skipped: no_such_package not installed"]
    assert outcome["rows"][1]["skipped"] == "no_such_package not installed"
    assert outcome["targets"][0]["met"] is None
    assert "skipped: no_such_package" in _report.markdown(outcome)


def test_a_busy_machine_is_mentioned(monkeypatch):
    monkeypatch.setattr("os.getloadavg", lambda: (1e6, 0.0, 0.0))
    said: list[str] = []
    assert run(question(entry("a")), ONCE, Local(), said.append)["machine"]["load_before"] == 1e6
    assert len(said) == 1
    assert "busy" in said[0]


def test_an_outcome_says_where_it_was_measured_and_no_host_or_path():
    outcome = run(question(entry("a")), ONCE, Local())
    assert {"cpu", "cores", "memory_bytes", "system", "libc", "load_before"} <= set(outcome["machine"])
    assert {"python", "jax", "jaxlib", "numpy"} <= set(outcome["versions"])
    assert str(ROOT) not in json.dumps(outcome)


def test_what_was_found_stands_beside_the_error():
    partial_answer = entry("ours", found=lambda result: (2, 8))
    target = Target("folds missed", "ours", None, what="missed", at_most=0.0)
    outcome = run(question(partial_answer, targets=(target,), counted="folds found"), ONCE, Local())
    assert (outcome["rows"][0]["found"], outcome["targets"][0]["measured"]) == ([2, 8], 6)
    table = _report.markdown(outcome)
    assert "| max error | folds found | peak memory |" in table
    assert "| 0 | 2 of 8 |" in table


# --- targets ---------------------------------------------------------------------------------------


def row(seconds: float, *, work: int = 1, error: float = 0.0, peak: float = 0.0) -> dict:
    return {
        "name": "row",
        "skipped": None,
        "work": work,
        "seconds": {"median": seconds, "lower": seconds, "upper": seconds},
        "page_faults": {"median": 3, "lower": 0, "upper": 8},
        "first_seconds": seconds + 1.0,
        "error": error,
        "peak_bytes": peak,
        "runs": 30,
        "processes": 5,
    }


ROWS = {"ours": row(2.0, error=1e-9, peak=110.0), "peer": row(8.0, error=2e-9), "few": row(1.0, work=4)}


@pytest.mark.parametrize(
    ("target", "measured", "met"),
    [
        (Target("", "ours", "peer", at_least=4.0), 4.0, True),
        (Target("", "ours", "peer", at_least=5.0), 4.0, False),
        (Target("", "ours", "peer", at_most=0.25), 0.25, True),
        (Target("", "peer", "ours", at_most=1.2), 4.0, False),
        (Target("", "few", "ours", at_most=1.0), 0.125, True),  # a quarter of a second for each unit of work
        (Target("", "ours", "peer", what="error", at_most=1.0), 0.5, True),
        (Target("", "peer", "few", what="error", at_most=1.0), math.inf, False),
        (Target("", "few", "few", what="error", at_most=1.0), 0.0, True),
        (Target("", "ours", None, what="peak_bytes", scale=100.0, at_most=1.2), 1.1, True),
        (Target("", "ours", None, at_most=0.6), 2.0, False),
        (Target("", "ours", None, what="first_seconds", at_most=4.0), 3.0, True),
        (Target("", "few", "ours", what="first_more", at_most=2.0), 1.0, True),  # of a whole call, whatever its work
    ],
)
def test_targets_are_judged(target, measured, met):
    verdict = judge(target, ROWS)
    assert verdict["measured"] == pytest.approx(measured)
    assert verdict["met"] is met
    assert (verdict["reason"] is None) is met  # a miss comes with measured numbers


def test_a_reason_is_computed_from_the_rows():
    target = Target("", "ours", "peer", at_least=9.0, reason=lambda rows: f"{rows['ours']['error']:.0e}")
    assert judge(target, ROWS)["reason"] == "1e-09"


# --- tables ----------------------------------------------------------------------------------------

OUTCOME = {
    "question": "surface",
    "title": "A title",
    "unit": "cells",
    "quick": False,
    "date": "2030-01-02T03:04:05+00:00",
    "machine": {
        "cpu": "a chip",
        "cores": 2,
        "memory_bytes": 2**33,
        "system": "Linux 1",
        "libc": "glibc 2",
        "huge_pages": "madvise",
        "load_before": 0.1,
    },
    "versions": {"python": "3.11.0", "jax": "0.10.2"},
    "rows": [
        row(0.002, work=4000, error=1.2e-6, peak=2.5e8) | {"name": "ours"},
        {"name": "theirs", "skipped": "x not installed", "work": 4000},
    ],
    "targets": [
        judge(Target("first", "ours", None, at_most=0.6), {"ours": row(0.5)}),
        judge(Target("second", "ours", "peer", at_least=9.0, reason=lambda rows: "why"), ROWS),
    ],
}

MARKDOWN = """\
A title.

|  | median (quartiles) | cells / s | first call more | max error | peak memory | page faults | \
runs in processes |
| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
| ours | 2 ms (2 ms to 2 ms) | 2e+06 | 1 s | 1.2e-06 | 250 MB | 3 (0 to 8) | 30 in 5 |
| theirs | skipped: x not installed |  |  |  |  |  |  |

| target | asked | measured |  | reason |
| --- | --- | --- | --- | --- |
| first | ≤ 600 ms | 500 ms | met |  |
| second | ≥ 9 | 4 | **missed** | why |

2030-01-02; a chip, 2 cores, 8 GiB, Linux 1, glibc 2, transparent huge pages: madvise, load before: 0.1; \
python 3.11.0, jax 0.10.2.
"""


def test_the_table_of_a_given_json_is_always_the_same():
    assert _report.markdown(json.loads(json.dumps(OUTCOME))) == MARKDOWN


def test_the_readme_takes_the_full_runs_and_keeps_the_rest(tmp_path):
    text = (
        "# Title\n<!-- begin surface -->\nold\n<!-- end surface -->\n"
        "words\n<!-- begin startup -->\nkept\n<!-- end startup -->\n"
    )
    readme = tmp_path / "README.md"
    readme.write_text(text)
    _report.write(OUTCOME, tmp_path)
    _report.write(OUTCOME | {"question": "startup", "quick": True}, tmp_path)
    for _ in range(2):
        assert _report.update_readme(readme, tmp_path) == ["surface"]
        assert readme.read_text() == text.replace("old\n", MARKDOWN)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["README.md", "startup.quick.json", "surface.json"]


def test_a_readme_without_markers_is_left_alone(tmp_path):
    readme = tmp_path / "README.md"
    readme.write_text("# Title\n")
    _report.write(OUTCOME, tmp_path)
    with pytest.raises(ValueError, match="put them back"):
        _report.update_readme(readme, tmp_path)
    assert readme.read_text() == "# Title\n"


def test_the_committed_readme_has_a_place_for_every_question():
    text = (ROOT / "benchmarks" / "README.md").read_text()
    for name in QUESTIONS:
        assert text.count(f"<!-- begin {name} -->\n") == text.count(f"<!-- end {name} -->") == 1


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = _report.write(OUTCOME, tmp_path)
    before = path.read_text()
    monkeypatch.setattr(Path, "replace", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        _report.write(OUTCOME | {"title": "Another"}, tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]
    assert path.read_text() == before


@pytest.mark.parametrize("module", [_timing, _report])
def test_doctests(module):
    assert doctest.testmod(module).failed == 0


# --- the command line ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["speed"],
            "benchmarks: unknown question 'speed'; choose from surface, optimal_theta, bifurcation_diagram, "
            "outer_loop, algorithms, sinusoid, memory, startup, explorer",
        ),
        ([], "benchmarks: the following arguments are required: QUESTION"),
        (["surface", "--fast"], "benchmarks: unrecognized arguments: --fast"),
    ],
)
def test_a_wrong_argument_gets_one_line_and_exit_code_2(arguments, message, capsys, tmp_path):
    with pytest.raises(SystemExit) as exit_:
        command_line.main([*arguments, "--out", str(tmp_path / "out")])
    out, err = capsys.readouterr()
    assert (exit_.value.code, out) == (2, "")
    assert err.startswith(message)
    assert err.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be_made_gets_one_line_and_exit_code_2(capsys, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(SystemExit) as exit_:
        command_line.main(["surface", "--out", str(tmp_path / "file" / "out")])
    assert exit_.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_the_command_writes_json_and_prints_the_table(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(command_line, "load", lambda name, quick: question(entry("ours")))
    monkeypatch.setattr(command_line, "run", lambda question, plan: run(question, ONCE, Local()))
    assert command_line.main(["surface", "--quick", "--out", str(tmp_path)]) == 0
    outcome = json.loads((tmp_path / "surface.quick.json").read_text())
    assert capsys.readouterr().out == f"## surface\n\n{_report.markdown(outcome)}\n"


def test_a_wrong_answer_ends_the_command_with_one_line_and_no_file(monkeypatch, capsys, tmp_path):
    wrong = entry("wrong", error=lambda result: 1.0)
    monkeypatch.setattr(command_line, "load", lambda name, quick: question(wrong))
    monkeypatch.setattr(command_line, "run", lambda question, plan: run(question, ONCE, Local()))
    assert command_line.main(["surface", "--out", str(tmp_path)]) == 1
    assert capsys.readouterr() == ("", "benchmarks: nothing timed: wrong: error 1, allowed 0.001\n")
    assert list(tmp_path.iterdir()) == []


# --- the questions and their peers -----------------------------------------------------------------


@pytest.mark.parametrize("quick", [False, True])
@pytest.mark.parametrize("name", QUESTIONS)
def test_every_target_names_entries_of_its_question(name, quick):
    asked = load(name, quick)
    names = [e.name for e in asked.entries]
    assert asked.name == name
    assert len(set(names)) == len(names)
    assert {t.entry for t in asked.targets} | {t.peer for t in asked.targets if t.peer} <= set(names)
    assert all((t.at_most is None) != (t.at_least is None) for t in asked.targets)


def test_reading_a_question_imports_nothing_heavy():
    script = (
        "import sys; from benchmarks._question import QUESTIONS, load\n"
        "for name in QUESTIONS: load(name, True)\n"
        "print({'jax', 'mamlgrid', 'numba', 'scipy', 'torch'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


@pytest.mark.parametrize("alpha", [0.0, 0.1, 0.32, 0.33, 0.75, 0.998, 1.2])
def test_the_exact_minimiser_is_that_of_the_oracle(alpha):
    candidates = oracles.minima(oracles.CASE_2, alpha, (-4.0, 4.0))
    best = min(candidates, key=lambda minimum: minimum.value)
    assert abs(float(best.theta) - float(optimal_theta.exact_optimal_theta(alpha))) <= 1e-15


def test_the_exact_folds_are_those_of_the_oracle():
    g = oracles_folds.direction(oracles.CASE_2)
    folds = [f for f in oracles_folds.folds(g, (0, 1.5), (-5, 5)) if not f.degenerate]
    expected = [(float(f.alpha), float(f.theta)) for f in folds]
    np.testing.assert_allclose(bifurcation_diagram.exact_folds(), expected, rtol=1e-15)


def test_what_is_no_fold_is_an_error_and_one_found_twice_counts_once():
    first, second, *others = bifurcation_diagram.exact_folds()
    assert bifurcation_diagram._error([first, second]) == 0
    assert bifurcation_diagram._error([first, (1.3, 0.0)]) > 0.1
    assert bifurcation_diagram._error([]) == math.inf
    assert bifurcation_diagram._found([first, second, first]) == (2, 2 + len(others))


def test_the_peers_by_hand_are_the_formulas_of_the_post():
    alphas, thetas = np.linspace(-0.5, 1.2, 7), np.linspace(-2, 2, 9)
    value, gradient, _ = oracles.case_2(thetas, alphas[:, None])
    for by_hand in (peers.numpy_surface, peers.numpy_printed_surface):
        np.testing.assert_allclose(by_hand(alphas, thetas), (value, gradient), rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(peers.meta_loss(thetas, alphas[:, None]), value, rtol=1e-12)
    np.testing.assert_allclose(peers.meta_grad(thetas, alphas[:, None]), gradient, rtol=1e-12, atol=1e-13)


def test_adam_by_hand_is_that_of_the_oracle():
    path = oracles.adam(lambda t: oracles.case_2(t, 0.5)[1], 2.0, peers.LEARNING_RATE, 30)
    thetas, values = peers.numpy_adam(np.array([0.5]), 2.0, 30, trace=True)
    np.testing.assert_allclose(thetas[0], path[-30:], rtol=1e-12)
    np.testing.assert_allclose(values[0], oracles.case_2(thetas[0], 0.5)[0], rtol=1e-12)
    assert peers.numpy_adam(np.array([0.5]), 2.0, 30) == thetas[:, -1]


@pytest.mark.parametrize("num_steps", [1, 3])
def test_the_algorithms_by_hand_are_derivatives_and_sums_of_their_recursion(num_steps):
    theta, alpha = np.array([-1.5, -0.3, 0.4, 1.2]), 0.2
    ends, totals = np.stack([theta, theta]), np.zeros((2, 4))
    for _ in range(num_steps):
        slopes = np.stack([ends[0] ** 3, ends[1] - 1])
        ends, totals = ends - alpha * slopes, totals + slopes
    value = ends[0] ** 4 / 4 + (ends[1] - 1) ** 2 / 2
    close = partial(np.testing.assert_allclose, rtol=1e-12)
    close(peers.fomaml(theta, alpha, num_steps), (value, ends[0] ** 3 + ends[1] - 1))
    close(peers.reptile(theta, alpha, num_steps), (value, totals.sum(0)))
    for momentum in (0.0, 0.5):  # the derivative of a polynomial, by central differences

        def at(theta, momentum=momentum):
            return peers.maml(theta, alpha, num_steps, momentum=momentum)[0]

        slope = (at(theta + 1e-5) - at(theta - 1e-5)) / 2e-5
        close(peers.maml(theta, alpha, num_steps, momentum=momentum)[1], slope, rtol=1e-7, atol=1e-9)
    close(peers.maml(theta, alpha, num_steps)[0], value)
    if num_steps == 1:
        close(peers.maml(theta, alpha, 1), oracles.case_2(theta, alpha)[:2])


def test_the_proximal_algorithms_by_hand_solve_their_problem():
    theta, alpha = np.array([-1.5, -0.3, 0.4, 1.2]), 0.2
    cubics = [np.roots([alpha, 0, 1, -t]) for t in theta]
    root = np.array([roots[np.argmin(np.abs(roots.imag))].real for roots in cubics])  # each has one real root
    line = (theta + alpha) / (1 + alpha)
    value = root**4 / 4 + (line - 1) ** 2 / 2
    np.testing.assert_allclose(peers.moreau(theta, alpha), (value, root**3 + line - 1), rtol=1e-12)
    direction = root**3 / (1 + 3 * alpha * root**2) + (line - 1) / (1 + alpha)
    np.testing.assert_allclose(peers.imaml(theta, alpha), (value, direction), rtol=1e-12)


# --- runs ------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_tiny_surface_question_runs_from_end_to_end(monkeypatch, tmp_path):
    for size in ("_SIZE", "_LARGE_QUICK"):
        monkeypatch.setattr(surface, size, 16)
    outcome = run(load("surface", quick=True), ONCE, Local())
    assert all(r["runs"] >= 1 and r["error"] <= r["tolerance"] for r in outcome["rows"] if not r["skipped"])
    assert len(outcome["targets"]) == 5
    assert json.loads(_report.write(outcome, tmp_path).read_text()) == outcome


@pytest.mark.slow
def test_tiny_questions_of_algorithms_networks_and_memory_run_from_end_to_end(monkeypatch):
    monkeypatch.setattr(algorithms, "_SIZE_QUICK", 8)
    monkeypatch.setattr(memory, "_STEPS_QUICK", (4,))
    for steps in ("_STEPS", "_STEPS_ABREAST", "_TORCH_STEPS", "_TORCH_STEPS_ABREAST", "_TASK_BY_TASK_STEPS"):
        monkeypatch.setattr(sinusoid, steps, 2)
    for name in ("algorithms", "sinusoid", "memory"):
        outcome = run(load(name, quick=True), ONCE, Local())
        assert all(r["runs"] >= 1 and r["error"] <= r["tolerance"] for r in outcome["rows"] if not r["skipped"])


@pytest.mark.slow
def test_a_first_order_run_is_no_right_answer_to_the_sinusoids(monkeypatch):
    monkeypatch.setattr(mg, "maml", mg.fomaml)
    with pytest.raises(IncorrectError, match="mamlgrid: error"):
        Bench(load("sinusoid", quick=True).entry("mamlgrid")).verify()


@pytest.mark.slow
def test_an_entry_runs_in_a_process_of_its_own():
    asked = load("surface", quick=True)
    with in_process(asked, asked.entry("fill, in place"), quick=True) as ask:
        assert ask("verify") == 0.0
    with in_process(asked, asked.entry("fill, in place"), quick=True) as ask:
        ask("start")
        ask("turn")
        part = ask("finish")
        with pytest.raises(RuntimeError, match=r"(?s)fill, in place failed:.*no_such_method"):
            ask("no_such_method")
    assert 1 <= len(part.samples) <= 10
    assert all(s.seconds > 0 for s in part.samples)
