"""What was changed, step by step, and the way back."""
