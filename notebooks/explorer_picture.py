"""The picture of the explorer in the README: `python notebooks/explorer_picture.py [FILE]` (needs chromium)."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from mamlgrid._figures.explore import explorer_of_case

SIZE = {"width": 1280, "height": 940}

# Two inner steps, at a place beyond the jump, with an outer loop that ends in the other valley.
VIEW = '#{"k":"2","point":[0.55,1.62],"pinned":true,"start":[0.55,1.62],"learningRate":0.3}'


def main(target: Path) -> None:
    """Open the page of case 2 and take its picture."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        page = explorer_of_case("quartic").write(Path(folder) / "explorer.html")
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        tab = browser.new_page(viewport=SIZE, color_scheme="light", reduced_motion="reduce")
        tab.goto(page.as_uri() + VIEW)
        tab.locator("#features button").first.wait_for()
        tab.screenshot(path=target, clip={"x": 0, "y": 0, **SIZE})
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "explorer.png")
