"""Two weeks of a small organization: its plot, and the expected alerts, derived from dates."""
