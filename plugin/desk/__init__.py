"""The code desk: what is done to codes between encoder and decoder.

One effect in each file; `chain.py` has their order.

`desk.Desk` is the whole of it.
"""
