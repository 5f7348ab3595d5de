"""Delivering alerts: what a message asks for, how each kind of destination is notified, once."""
