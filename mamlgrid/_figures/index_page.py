"""The page that shows all pictures of a folder, made of what `numbers.json` says of them."""

from __future__ import annotations

from html import escape
from typing import Any


def index_page(figures: dict[str, Any], explorer: str | None = None) -> str:
    """The page; pictures of one heading stand together, and the address of an explorer comes first."""
    headings = dict.fromkeys(entry["page"]["heading"] for entry in figures.values())
    parts = []
    for heading in headings:
        cards = [_card(name, entry) for name, entry in figures.items() if entry["page"]["heading"] == heading]
        parts.append("\n".join([f'<h2>{escape(heading)}</h2>\n<div class="cards">', *cards, "</div>"]))
    first = _EXPLORER.format(address=escape(explorer)) if explorer else ""
    return _PAGE.replace("{explorer}", first).replace("{figures}", "\n".join(parts))


def _card(name: str, entry: dict[str, Any]) -> str:
    shown, title = entry["page"], escape(entry["title"])
    suffixes = (*shown["forms"], "html") if shown["frame"] else shown["forms"]
    return _CARD.format(
        name=name,
        title=title,
        suffix=shown["forms"][0],
        alt=escape(shown["alt"]),
        caption=escape(shown["caption"]),
        turn=_TURN.format(name=name, title=title, height=shown["frame"]) if shown["frame"] else "",
        verdict="✓ checked" if entry["holds"] else "✗ an identity fails",
        checks="".join(map(_check, entry["checks"])),
        links=" · ".join(f'<a href="{name}.{suffix}">{_LINK_TEXT.get(suffix, suffix)}</a>' for suffix in suffixes),
    )


def _check(check: dict[str, Any]) -> str:
    deviation = "not a number" if check["deviation"] is None else f"{check['deviation']:.2g}"
    told = f"<code>{escape(check['identity'])}</code>: {deviation}, allowed {check['tolerance']:.2g}"
    return f"<li>{'✓' if check['holds'] else '✗'} {told}</li>"


_EXPLORER = """<p class="first"><a href="{address}">The explorer</a>: the second case alive. Point at a place and see
its sections and how the tasks adapt there, drag a task, change the number of inner steps, let the outer loop run, lay
one algorithm over another.</p>
"""

_LINK_TEXT = {"html": "interactive, on a page of its own"}

# Opened from a disk, a browser loads a frame in a closed element all the same: it is told the page when it is opened.
_TURN = """<details data-page="{name}.html"><summary>interactive</summary>
<iframe title="{title}, interactive" style="height: {height}px"></iframe></details>
"""

_CARD = """<section id="{name}">
<h3>{title}</h3>
<a href="{name}.{suffix}"><img src="{name}.{suffix}" alt="{alt}" loading="lazy"></a>
<p>{caption}</p>
{turn}<details><summary>{verdict}</summary><ul>{checks}</ul></details>
<p class="links">{links}</p>
</section>"""

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>mamlgrid: MAML with simple losses</title>
<style>
:root { --ink: #1a1a1a; --quiet: #5c5c5c; --paper: #ffffff; --card: #f6f6f4; --line: #dddddd; --link: #005b94; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #ececec; --quiet: #a8a8a8; --paper: #16181b; --card: #212429; --line: #3a3f46; --link: #7cc4f0; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 82rem; padding: 1.5rem; color: var(--ink); background: var(--paper);
  font: 1rem/1.5 system-ui, sans-serif; }
h1 { font-size: 1.6rem; margin: 0 0 0.3rem; }
h2 { font-size: 1.25rem; margin: 1.6rem 0 0.7rem; }
h3 { font-size: 1.05rem; margin: 0 0 0.6rem; }
a { color: var(--link); }
.cards { display: grid; gap: 1.2rem; grid-template-columns: repeat(auto-fill, minmax(min(100%, 24rem), 1fr)); }
section { background: var(--card); border: 1px solid var(--line); border-radius: 0.5rem; padding: 1rem; }
section:has(details[open] iframe) { grid-column: 1 / -1; }
img { display: block; width: 100%; max-width: 40rem; margin: 0 auto; background: #fff; border-radius: 0.3rem; }
iframe { width: 100%; border: 0; background: #fff; border-radius: 0.3rem; }
p { margin: 0.6rem 0; }
summary { cursor: pointer; color: var(--quiet); }
ul { margin: 0.3rem 0; padding-left: 1.2rem; list-style: none; font-size: 0.85rem; overflow-wrap: anywhere; }
.first { background: var(--card); border: 1px solid var(--line); border-radius: 0.5rem; padding: 0.8rem 1rem; }
.first a { font-weight: 600; }
.links { margin: 0.4rem 0 0; color: var(--quiet); font-size: 0.9rem; }
</style>
</head>
<body>
<h1>MAML with simple losses</h1>
<p>What one inner step of size α does to two losses of a single parameter θ: the meta-loss, its gradient, the best
initial parameter for every α, and what the outer loop finds of it. The numbers behind the pictures and the identities
they are checked by are in <a href="numbers.json">numbers.json</a>.</p>
{explorer}{figures}
<script>
for (const details of document.querySelectorAll("details[data-page]")) {
  details.addEventListener("toggle", () => {
    const frame = details.querySelector("iframe");
    if (details.open && !frame.hasAttribute("src")) frame.src = details.dataset.page;
  });
}
// A page says how high it is.
addEventListener("message", (event) => {
  const frames = [...document.querySelectorAll("iframe")];
  const frame = frames.find((one) => one.contentWindow === event.source);
  if (frame) frame.style.height = `${event.data.height}px`;
});
</script>
</body>
</html>
"""
