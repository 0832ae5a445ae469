"""How the engine's process ends."""

REPLACE_ME = 75
"""On purpose, for a new process to go on in its place (the system's number for "try again")."""
