"""The outer loop of every alpha at once, and what was trained judged by another meta-loss."""
