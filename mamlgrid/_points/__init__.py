"""The place where a meta-loss is evaluated on many points."""
