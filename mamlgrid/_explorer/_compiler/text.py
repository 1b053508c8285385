"""A graph as the text of a JavaScript function."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from .graph import Buffer, Carry, Choice, Fill, Graph, Loop, Node, Region, literal, live

# A call, a place in an array or a name: what needs no parentheses wherever it stands.
_STANDS_ALONE = re.compile(r"[\w.]+(\([^()]*\)|\[[^\[\]]*\])?|\{0\}\[\{1\}\]")

# A number that is used once is written where it is used, which halves a text; parentheses nested deeper than this are
# hard on the parsers of browsers, which call themselves for each.
_DEEPEST = 32


@dataclass
class Shared:
    """What the functions of one program share: the lengths of loops, and the arrays that are made once.

    Attributes:
        lengths: of loops and the buffers they write; not in the text, so that programs of three and of seven steps are
            one text.
        arrays: statements that make the arrays.
    """

    lengths: list[int] = field(default_factory=list)
    arrays: list[str] = field(default_factory=list)

    def length(self, length: int) -> str:
        """The name of a length."""
        self.lengths.append(length)
        return f"n[{len(self.lengths) - 1}]"

    def array(self, made: str) -> str:
        """The name of a new array."""
        name = f"b{len(self.arrays)}"
        self.arrays.append(f"const {name} = {made};")
        return name


class Printer:
    """Names for the nodes of one function, and its lines."""

    def __init__(self, graph: Graph, shared: Shared) -> None:
        self.graph = graph
        self.shared = shared
        self.names: dict[int, str] = {}
        self.live: set[int] = set()
        self.single: set[int] = set()
        self.depths: dict[int, int] = {}
        self.count = 0

    def function(self, head: str, outputs: Sequence[Node | float]) -> str:
        """The function that puts the outputs into `out`, or returns the only one."""
        self.live = live(outputs)
        self.single = self._used_once(outputs)
        lines = self._region(self.graph.top, "  ")
        if "out" in head:
            lines += [f"  out[{i}] = {self._name(atom)};" for i, atom in enumerate(outputs)]
        else:
            lines.append(f"  return {self._name(outputs[0])};")
        return "\n".join([f"function {head} {{", *lines, "}"])

    def _used_once(self, outputs: Sequence[Node | float]) -> set[int]:
        """The nodes with one use, which stands in their own region: elsewhere they might be computed more often."""
        uses = Counter(id(atom) for atom in outputs)
        once = {id(atom) for atom in outputs if isinstance(atom, Node) and atom.region is self.graph.top}
        for around, item in self._items(self.graph.top):
            region = item.body if isinstance(item, Loop) else around
            match item:
                case Node():
                    used = [item.args[int(place)] for place in re.findall(r"\{(\d)\}", item.form)]
                case Fill():
                    used = list(item.atoms)
                case Loop():  # the next values of variables must have names: they are taken all at once
                    bound = [x for carry in item.carries for x in (carry.start, carry.following)]
                    uses.update(map(id, [*bound, *bound, item.goes_on, item.goes_on]))
                    used = [buffer.element for buffer in item.written]
                case Choice():
                    named = [item.index, *(atom for atoms in item.outputs for atom in atoms)]
                    uses.update(map(id, [*named, *named]))
                    used = []
            uses.update(map(id, used))
            once |= {id(atom) for atom in used if isinstance(atom, Node) and atom.region is region}
        return {node for node in once if uses[node] == 1}

    def _items(self, region: Region) -> Iterator[tuple[Region, Node | Loop | Choice | Fill]]:
        """All that is printed, with the regions where it stands."""
        for item in region.items:
            if id(item) not in self.live:
                continue
            yield region, item
            inner = [item.body] if isinstance(item, Loop) else item.cases if isinstance(item, Choice) else []
            for other in inner:
                yield from self._items(other)

    def _fresh(self, letter: str) -> str:
        self.count += 1
        return f"{letter}{self.count}"

    def _name(self, atom: Node | float) -> str:
        if not isinstance(atom, Node):
            return literal(atom)
        origin = atom.origin
        if isinstance(origin, Buffer) and origin.constant is not None and id(origin) not in self.names:
            numbers = ", ".join(map(literal, origin.constant))
            self.names[id(origin)] = self.shared.array(f"Float64Array.of({numbers})")
        if isinstance(origin, Choice) or origin is None:
            return self.names[id(atom)]
        return self.names[id(origin)]

    def _region(self, region: Region, indent: str) -> list[str]:
        return [indent + line for item in region.items if id(item) in self.live for line in self._item(item)]

    def _item(self, item: Node | Loop | Choice | Fill) -> list[str]:
        match item:
            case Node():
                computed = item.form.format(*map(self._name, item.args))
                depth = 1 + max((self.depths.get(id(arg), 0) for arg in item.args), default=0)
                if id(item) in self.single and depth < _DEEPEST:
                    self.depths[id(item)] = depth
                    self.names[id(item)] = computed if _STANDS_ALONE.fullmatch(item.form) else f"({computed})"
                    return []
                self.names[id(item)] = self._fresh("v")
                return [f"const {self.names[id(item)]} = {computed};"]
            case Fill():
                name = self.names[id(item.buffer)] = self.shared.array(f"new Float64Array({item.buffer.length})")
                return [f"{name}[{i}] = {self._name(atom)};" for i, atom in enumerate(item.atoms)]
            case Loop():
                return self._loop(item)
            case Choice():
                return self._choice(item)

    def _loop(self, loop: Loop) -> list[str]:
        carries = [carry for carry in loop.carries if id(carry) in self.live]
        written = [buffer for buffer in loop.written if id(buffer) in self.live]
        lines = []
        for carry in carries:
            start = self._name(carry.start)
            self.names[id(carry)] = self._fresh("c")
            lines.append(f"let {self.names[id(carry)]} = {start};")
        if loop.length is None:
            head = "while (true) {"
        else:
            n, i = self.shared.length(loop.length), self._fresh("i")
            self.names[id(loop)] = i
            head = (
                f"for (let {i} = {n} - 1; {i} >= 0; {i}--) {{"
                if loop.reverse
                else f"for (let {i} = 0; {i} < {n}; {i}++) {{"
            )
            for buffer in written:
                self.names[id(buffer)] = self.shared.array(f"new Float64Array({n})")
        lines.append(head)
        lines += self._body(loop)
        lines += [f"  {self.names[id(b)]}[{self.names[id(loop)]}] = {self._name(b.element or 0.0)};" for b in written]
        return [*lines, *self._turned(carries), "}"]

    def _body(self, loop: Loop) -> list[str]:
        if loop.goes_on is None:
            return self._region(loop.body, "  ")
        before, after = loop.body.items[: loop.checked_after], loop.body.items[loop.checked_after :]
        lines = ["  " + line for item in before if id(item) in self.live for line in self._item(item)]
        lines.append(f"  if (!{self._name(loop.goes_on)}) break;")
        return lines + ["  " + line for item in after if id(item) in self.live for line in self._item(item)]

    def _turned(self, carries: list[Carry]) -> list[str]:
        """The variables take their next values, all at once: those that become one another by way of copies."""
        lines, moved = [], []
        for carry in carries:
            following = self._name(carry.following)
            if isinstance(carry.following, Node) and isinstance(carry.following.origin, Carry):
                copy = self._fresh("t")
                lines.append(f"  const {copy} = {following};")
                following = copy
            moved.append(f"  {self.names[id(carry)]} = {following};")
        return lines + moved

    def _choice(self, choice: Choice) -> list[str]:
        results = [node for node in choice.results if id(node) in self.live]
        lines = []
        for node in results:
            self.names[id(node)] = self._fresh("r")
            lines.append(f"let {self.names[id(node)]};")
        index = self._name(choice.index)
        for k, case in enumerate(choice.cases):
            last = k == len(choice.cases) - 1
            lines.append(("" if k == 0 else "} else ") + ("{" if last else f"if ({index} <= {k}) {{"))
            lines += self._region(case, "  ")
            lines += [f"  {self.names[id(node)]} = {self._name(choice.outputs[k][node.place])};" for node in results]
        return [*lines, "}"]
