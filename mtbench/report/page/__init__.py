"""A suite's results as one HTML file."""
