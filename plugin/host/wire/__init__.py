"""What goes between the engine's process and those who look at it."""
