"""What towers, heads and strategies are made of, in TensorFlow: the plugin author's workshop."""
