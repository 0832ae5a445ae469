"""Sound files to train on: found, read, measured, and told from copies of themselves."""
