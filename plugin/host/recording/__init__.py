"""What is played, on disk: nothing that was written is lost, whatever ends the engine."""
