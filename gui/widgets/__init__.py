"""Qt views: each draws one model object and turns gestures into calls on it."""
