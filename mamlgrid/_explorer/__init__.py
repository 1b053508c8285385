"""The explorer: a meta-loss compiled to JavaScript, in a page where everything recomputes while a finger moves."""
