"""Two weeks of a small organization: its plot, and who should hear what of it, told by dates."""
