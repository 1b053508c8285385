"""The bifurcation diagram: rows of stationary points linked into curves; folds, branch points, and what stays open."""
