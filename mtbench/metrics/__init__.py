"""Numbers about predictions and ranked catalogues: exact, in NumPy, with floors and chance."""
