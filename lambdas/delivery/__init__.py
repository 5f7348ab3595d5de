"""Delivering alerts: the task of each message, the channel of each kind of destination, exactly
once."""
