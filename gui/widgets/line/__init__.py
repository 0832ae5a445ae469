"""The window of the line: inviting, joining, and how the line stands."""
