"""`.lamina` files: codes as values, and how they are written to disk and read back, damaged or not."""
