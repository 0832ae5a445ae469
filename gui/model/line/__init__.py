"""The line as the app holds it: one talk in a thread of its own, and what the panel shows of it. No Qt in it."""
