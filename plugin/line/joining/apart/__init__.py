"""A line in a process of its own, so that nothing that the app does delays its sound."""
