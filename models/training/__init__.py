"""Training of Lamina networks: corpus, losses, initialisation, the loop, checkpoints. Needs the extra `[train]`."""
