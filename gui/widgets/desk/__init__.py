"""The desk: tabs, faders and motions."""
