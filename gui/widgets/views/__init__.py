"""Pictures of sound and codes."""
