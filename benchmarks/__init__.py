"""Benchmarks of mamlgrid: one file a question, peers beside us in the same run.

`python -m benchmarks surface startup` answers these questions, `python -m benchmarks all --quick` every one
in two minutes; `python -m benchmarks table` writes the tables of README.md from the JSON of the full runs.
"""
