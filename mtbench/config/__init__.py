"""What a user writes: validated options, the place of every fault, our words for it."""
