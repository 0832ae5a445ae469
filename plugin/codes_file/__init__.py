"""`.lamina` files: codes as values, and how they are written to disk, read back and mended."""
