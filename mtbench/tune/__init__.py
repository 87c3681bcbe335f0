"""Choosing options on the validation part, with the same budget for every arm."""
