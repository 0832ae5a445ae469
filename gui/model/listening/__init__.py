"""What is compared and judged by ear: slots, how they are made, and blind tests."""
