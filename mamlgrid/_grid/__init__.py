"""Values over a dense alpha x theta grid: the surface, and the loss of each task."""
