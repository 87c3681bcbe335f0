"""One folder of results against another: compare, gate."""
