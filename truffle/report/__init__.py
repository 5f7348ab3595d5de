"""The report: one self-contained HTML page with held capacity and pending decisions."""
