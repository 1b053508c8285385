"""What a program computes, number by number: a graph of JavaScript expressions in nested regions.

Equal expressions are one node, a node that does not depend on a loop stands outside of it, and what no output needs is
not printed: three properties of the graph, not passes over it.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

# More numbers than this are no program for a page: V8 gives up optimising long functions, and a reader waiting.
MOST_NODES = 60_000


class TooLargeError(ValueError):
    """A program of more numbers than a page should hold."""


@dataclass(eq=False, repr=False)
class Region:
    """A stretch of statements: the program, the body of a loop, or one case of a choice.

    What is computed in a case stays there, since it may not be meant to be computed otherwise; what is computed in the
    body of a loop moves out of it as far as what it depends on allows.
    """

    parent: Region | None = None
    is_case: bool = False
    items: list[Node | Loop | Choice | Fill] = field(default_factory=list)
    known: dict[tuple[object, ...], Node] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """How deep it lies."""
        self.depth: int = self.parent.depth + 1 if self.parent else 0

    def outwards(self) -> Iterator[Region]:
        """The region, and those around it."""
        region: Region | None = self
        while region is not None:
            yield region
            region = region.parent


@dataclass(eq=False, repr=False)
class Node:
    """One number: `form` with the names of its arguments, or what its `origin` says."""

    region: Region
    form: str = ""
    args: tuple[Node | float, ...] = ()
    origin: Carry | Loop | Buffer | Choice | None = None
    place: int = 0


@dataclass(eq=False, repr=False)
class Carry:
    """A variable of a loop: what it starts from, and what each pass makes of it."""

    loop: Loop
    start: Node | float
    following: Node | float = 0.0


@dataclass(eq=False, repr=False)
class Buffer:
    """An array that a loop writes one element of in each pass, or that is filled at once, or that is constant."""

    length: int
    writer: Loop | Fill | None = None
    element: Node | float | None = None
    constant: tuple[float, ...] | None = None


@dataclass(eq=False, repr=False)
class Fill:
    """Numbers put into a buffer, so that a loop can read them one by one."""

    buffer: Buffer
    atoms: Sequence[Node | float]


@dataclass(eq=False, repr=False)
class Loop:
    """`length` passes over the body, forwards or backwards; or, with `goes_on`, as many as it says."""

    body: Region
    length: int | None = None
    reverse: bool = False
    carries: list[Carry] = field(default_factory=list)
    goes_on: Node | float | None = None
    checked_after: int = 0
    written: list[Buffer] = field(default_factory=list)


@dataclass(eq=False, repr=False)
class Choice:
    """One of several cases, by an index; each gives as many numbers."""

    index: Node | float
    cases: list[Region]
    outputs: list[list[Node | float]] = field(default_factory=list)
    results: list[Node] = field(default_factory=list)


class Graph:
    """A program while it is made; `here` is the region where things are added."""

    def __init__(self) -> None:
        self.top = Region()
        self.here = self.top
        self.size = 0

    def node(self, form: str, *args: Node | float) -> Node:
        """The number `form.format(*args)`, made once."""
        region = self._home(args)
        key = (form, *(id(a) if isinstance(a, Node) else (type(a), repr(a)) for a in args))
        for around in region.outwards():
            if key in around.known:
                return around.known[key]
        self.size += 1
        if self.size > MOST_NODES:
            raise TooLargeError(f"more than {MOST_NODES:,} numbers")
        made = Node(region, form, args)
        region.known[key] = made
        region.items.append(made)
        return made

    def _home(self, args: Sequence[Node | float]) -> Region:
        """The outermost region that sees all arguments and is in the same case as `here`."""
        deepest = self.top
        for region in self.here.outwards():
            if region.is_case:
                deepest = region
                break
        for arg in args:
            if isinstance(arg, Node) and arg.region.depth > deepest.depth:
                deepest = arg.region
        return deepest

    @contextlib.contextmanager
    def inside(self, region: Region) -> Iterator[None]:
        """Add to `region`."""
        before, self.here = self.here, region
        try:
            yield
        finally:
            self.here = before

    def loop(self, length: int | None = None, reverse: bool = False) -> Loop:
        """A loop that starts here; `add` it when its body is made."""
        return Loop(Region(self.here), length, reverse)

    def carry(self, loop: Loop, start: Node | float) -> Node:
        """A new variable of a loop, as its body sees it."""
        loop.carries.append(Carry(loop, start))
        return Node(loop.body, origin=loop.carries[-1])

    def after(self, carry: Carry) -> Node:
        """A variable of a loop as it is when the loop has ended."""
        return Node(self.here, origin=carry)

    def index(self, loop: Loop) -> Node:
        """The number of the pass."""
        return Node(loop.body, origin=loop)

    def write(self, loop: Loop, length: int, element: Node | float) -> Node:
        """A buffer that the loop writes `element` into, pass by pass, as seen after the loop."""
        buffer = Buffer(length, loop, element)
        loop.written.append(buffer)
        return Node(loop.body.parent or self.top, origin=buffer)

    def table(self, atoms: Sequence[Node | float]) -> Node:
        """Numbers side by side, to be read by an index."""
        if not any(isinstance(atom, Node) for atom in atoms):
            constant = tuple(float(atom) for atom in atoms if not isinstance(atom, Node))
            key = ("table", *map(repr, constant))
            if key not in self.top.known:
                self.top.known[key] = Node(self.top, origin=Buffer(len(atoms), constant=constant))
            return self.top.known[key]
        region = self._home(atoms)
        key = ("fill", *(id(a) if isinstance(a, Node) else repr(a) for a in atoms))
        for around in region.outwards():
            if key in around.known:
                return around.known[key]
        buffer = Buffer(len(atoms))
        buffer.writer = Fill(buffer, atoms)
        region.items.append(buffer.writer)
        region.known[key] = Node(region, origin=buffer)
        return region.known[key]

    def add(self, item: Loop | Choice) -> None:
        """Put a finished loop or choice where it was begun."""
        self.here.items.append(item)


def live(outputs: Sequence[Node | float]) -> set[int]:
    """The ids of all nodes, carries, buffers, loops and choices that the outputs need."""
    seen: set[int] = set()
    todo: list[object] = list(outputs)
    while todo:
        one = todo.pop()
        if one is None or isinstance(one, bool | int | float) or id(one) in seen:
            continue
        seen.add(id(one))
        todo.extend(_needs(one))
    return seen


def _needs(one: object) -> Sequence[object]:
    match one:
        case Node(origin=Choice() as choice, place=place):
            return [choice, *(outputs[place] for outputs in choice.outputs)]
        case Node():
            return [*one.args, one.origin]
        case Carry():
            return [one.loop, one.start, one.following]
        case Buffer():
            return [one.writer, one.element]
        case Fill():
            return one.atoms
        case Loop():
            return [one.goes_on]
        case Choice():
            return [one.index]
    raise AssertionError(one)


def literal(x: float) -> str:
    """A number as JavaScript reads it back, to the last bit."""
    if isinstance(x, bool):
        return "true" if x else "false"
    if isinstance(x, int):
        return str(x) if x >= 0 else f"({x})"
    if math.isnan(x):
        return "NaN"
    if math.isinf(x):
        return "Infinity" if x > 0 else "(-Infinity)"
    text = repr(x).removesuffix(".0")
    return text if math.copysign(1, x) > 0 else f"({text})"
