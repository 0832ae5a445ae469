"""The desktop app: views drawn with Qt over models that know nothing of it."""
