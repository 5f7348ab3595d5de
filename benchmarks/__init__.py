"""Measurements that print tables, without assertions: people decide what is fast enough."""
