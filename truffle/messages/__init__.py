"""The messages of each channel: pure functions of an event."""
