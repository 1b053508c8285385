"""All stationary points of a meta-loss, and what is read from them: optimum, jumps, ties, comparison, diagram."""
