"""What the window does besides showing a session: undo, messages, menus, looks, presets and recent files."""
