"""Plan, identity and execution of runs, observers, and the entrance from Python."""
