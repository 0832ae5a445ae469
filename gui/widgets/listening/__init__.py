"""The window in which slots are compared and blind tests are taken."""
