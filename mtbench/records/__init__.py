"""Records of runs: what one is, where it lies, which count, and frames of them."""
