"""Observers that send runs elsewhere."""
