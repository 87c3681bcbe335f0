"""Interactions as arrays: types, encoding, parts, history, users' own tables, the cache."""
