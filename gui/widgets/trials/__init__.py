"""Pages of blind tests, and of what they came to."""
