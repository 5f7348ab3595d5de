"""Collecting a unit: what is listed, compared, written, planned, and closed at the end."""
