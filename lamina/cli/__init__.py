"""The command line: `main` reads it, one module for each group of commands, and what they share."""
