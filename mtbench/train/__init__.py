"""One setup, one seed: a trained model and how it went."""
