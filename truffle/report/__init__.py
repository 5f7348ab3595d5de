"""The report: one self-contained HTML page that shows what is held, and what needs a decision."""
