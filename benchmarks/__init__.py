"""Measurements that print tables. Nothing here asserts: what is fast enough is for people."""
