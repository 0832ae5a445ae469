"""Reading sound files: what kind a file is, and a reader for it that goes to any sample."""
