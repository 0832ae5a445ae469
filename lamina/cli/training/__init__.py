"""`lamina train`: the command, what its options ask for, how a run begins, pauses and is described."""
