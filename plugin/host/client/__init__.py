"""The engine as its user sees it: a handle on its process that starts it anew when it dies."""
