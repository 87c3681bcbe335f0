"""The built-in plugins: imported as `mtbench_plugins`, registered by entry point like any other."""
