"""What the app's views show: plain Python objects without Qt, each tested without a window."""
