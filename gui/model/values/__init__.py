"""What is set: parameters, boards, desk, motion."""
