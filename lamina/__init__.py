"""A neural audio codec that can be played."""
