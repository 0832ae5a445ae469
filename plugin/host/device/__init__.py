"""Sound devices, real and virtual: finding, opening, and the rings between callback and engine."""
