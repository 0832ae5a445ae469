"""How two ends of a line meet: invitation, greeting, encrypted connection, and the peers that talk over it."""
