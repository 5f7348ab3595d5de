"""Who gets which alert: the settings of destinations, routes and mutes, and what they decide."""
