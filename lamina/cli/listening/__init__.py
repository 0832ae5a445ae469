"""`lamina listen`: blind tests planned, exported and read on the command line."""
