"""Alert routing: the settings of destinations, routes and mutes, and the decisions."""
