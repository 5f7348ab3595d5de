"""Feeds for other programs: a calendar (extra ``calendar``) and metrics (extra ``metrics``)."""
