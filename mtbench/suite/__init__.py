"""A YAML file becomes a suite: what is asked, and what is tried."""
