"""Watches of the market: requested within the budget of each region, and recorded."""
