"""The window's frame: header, transport, panels and dialogs."""
