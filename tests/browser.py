"""A browser without a network, and a watch over what pages do in it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

# WebGL is drawn in software; the sandbox and the background traffic of the browser are off.
_OPTIONS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
)


@contextmanager
def chromium() -> Iterator[Any]:
    """Chromium, driven by playwright; where one of them is missing the test is skipped."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is missing: pip install playwright")
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        pytest.skip("chromium is missing: apt-get install chromium")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=list(_OPTIONS))
        yield browser
        browser.close()


@contextmanager
def watched(browser: Any) -> Iterator[Callable[..., Any]]:
    """Makes pages, offline, as a `device` has them; at the end nothing may have been fetched or have gone wrong."""
    contexts: list[Any] = []
    fetched: list[str] = []
    errors: list[str] = []

    def new_page(**device: Any) -> Any:
        contexts.append(browser.new_context(offline=True, **device))
        page = contexts[-1].new_page()
        page.on("request", lambda request: fetched.append(request.url))
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        return page

    yield new_page
    for context in contexts:
        context.close()
    others = [url for url in fetched if not url.startswith(("file:", "data:", "blob:"))]
    assert not others, f"fetched: {others}"
    assert not errors, f"went wrong: {errors}"
