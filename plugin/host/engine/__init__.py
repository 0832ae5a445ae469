"""The engine's process: the thread that computes the sound, and what it obeys."""
