"""`lamina line`: two ends joined over a network, from the command line."""
