"""Controls: knobs, switches, chips and what they stand on."""
