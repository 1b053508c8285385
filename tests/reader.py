"""Somebody before a page of the explorer, in a browser."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from .browser import watched


class Reader:
    """Somebody before the page: what is seen, and what hands do."""

    def __init__(self, page: Any) -> None:
        self.page = page

    def settled(self) -> None:
        """Until the page has nothing left to compute."""
        self.page.wait_for_timeout(30)
        self.page.wait_for_selector("#views[aria-busy=false]", timeout=20000)

    def told(self) -> dict[str, str]:
        """What stands under "At the point"."""
        cells = self.page.locator("#numbers > *").all_text_contents()
        return dict(zip(cells[::2], cells[1::2], strict=True))

    def numbers(self) -> dict[str, float]:
        """The numbers among it."""
        return {name: number(text) for name, text in self.told().items() if name != "status"}

    def wait_for(self, within: float = 1e-5, **wanted: float) -> dict[str, float]:
        """Until the point is there, as the numbers say."""
        for _ in range(100):
            numbers = self.numbers()
            if all(abs(numbers[name] - value) < within * (1 + abs(value)) for name, value in wanted.items()):
                return numbers
            self.page.wait_for_timeout(20)
        raise AssertionError(f"{wanted} was not reached: {self.numbers()}")

    def state(self) -> dict[str, Any]:
        """What the address says, once it is written."""
        self.page.wait_for_timeout(350)
        fragment = unquote(self.page.evaluate("location.hash")[1:])
        return json.loads(fragment) if fragment else {}

    def show(self, **state: Any) -> None:
        """The page at an address with this state."""
        self.page.evaluate("hash => { location.hash = hash; }", f"#{quote(json.dumps(state))}")
        self.settled()

    def place(self, alpha: float, theta: float, surface: int = 0) -> tuple[float, float]:
        """Where a point of a surface is on the screen."""
        x, y = (
            self.page.locator("#maps canvas")
            .nth(surface)
            .evaluate(
                "(canvas, [a, t]) => { const b = canvas.getBoundingClientRect();"
                " return [b.left + canvas.frame.px(a), b.top + canvas.frame.py(t)]; }",
                [alpha, theta],
            )
        )
        return x, y

    def pixels(self, selector: str = "#maps canvas") -> list[Any]:
        return self.page.locator(selector).evaluate_all("found => found.map(canvas => canvas.toDataURL())")

    def taken(self, label: str) -> Path:
        """The file behind a button."""
        with self.page.expect_download() as download:
            self.page.get_by_role("button", name=label, exact=True).click()
        return download.value.path()

    def copied(self, label: str) -> str:
        self.page.evaluate("document.getElementById('copied').value = ''")
        self.page.get_by_role("button", name=label, exact=True).click()
        return self.page.locator("#copied").input_value()


def number(text: str) -> float:
    """A number as it is told, such as −2.1·10⁻⁶."""
    if text == "no number":
        return float("nan")
    plain = text.translate(str.maketrans("−⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "-0123456789-"))
    plain = re.sub(r"^(-?)10(-?\d+)$", r"\g<1>1e\2", plain) if re.search("[⁰¹²³⁴⁵⁶⁷⁸⁹]", text) else plain
    return float(plain.replace("·10", "e").replace("∞", "inf"))


def matched(pattern: str, text: str) -> re.Match[str]:
    """Where a pattern is in a text that must have it."""
    found = re.search(pattern, text)
    assert found, f"{pattern} is not in {text!r}"
    return found


@contextmanager
def readers(browser: Any) -> Iterator[Callable[..., Reader]]:
    """Opens pages for readers."""
    with watched(browser) as new_page:

        def open_page(path: Path, **device: Any) -> Reader:
            page = new_page(**{"viewport": {"width": 1280, "height": 900}, "reduced_motion": "reduce"} | device)
            page.goto(path.as_uri())
            page.wait_for_selector("body[data-drawn]")
            return Reader(page)

        yield open_page
