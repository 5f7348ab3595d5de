"""Random histories of several accounts that share reservations, and an oracle of their events."""
