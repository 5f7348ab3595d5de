"""What each channel is sent: pure functions of an event."""
