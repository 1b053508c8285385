"""JavaScript of the package, run in Node, or in Chromium where there is no Node."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import Any

import pytest

NODE, CHROMIUM = shutil.which("node"), shutil.which("chromium")


def run(script: str) -> Any:
    """What the script leaves in `answer`."""
    shown = f"{script}\nconst text = JSON.stringify(answer, (_, x) => told(x));\n{_TOLD}"
    if NODE:
        command = [NODE, "--input-type=commonjs", "-"]
        done = subprocess.run(command, input=shown + "console.log(text);", capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[:3000]
        return json.loads(done.stdout, object_hook=_number, parse_int=float)
    if not CHROMIUM:
        pytest.skip("neither node nor chromium is there to run JavaScript")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        found = browser.new_page().evaluate(f"() => {{ {shown} return text; }}")
        browser.close()
    return json.loads(found, object_hook=_number, parse_int=float)


# JSON has no NaN and no infinity; an array of doubles is a list, and a double without digits behind the point is one.
_TOLD = """
function told(x) {
  if (typeof x === "number" && !Number.isFinite(x)) return { number: String(x) };
  return ArrayBuffer.isView(x) ? Array.from(x) : x;
}
"""


def _number(found: dict[str, Any]) -> Any:
    return float(found["number"].replace("Infinity", "inf")) if set(found) == {"number"} else found
