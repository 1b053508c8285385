"""From a jaxpr to JavaScript: `trace.py` reads, `rules.py` knows the primitives, `graph.py` holds, `text.py` prints."""
