"""The contract: a file for each kind, hooks, what a head is handed; and the registry."""
