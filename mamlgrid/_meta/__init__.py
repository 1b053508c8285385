"""The meta-loss: tasks, the contract, the named algorithms, other coordinates."""
