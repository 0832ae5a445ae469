"""How effects are called, and the arrays that callers hand over, as Pedalboard has them."""
