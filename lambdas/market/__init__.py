"""Watches of the market: asked within the budget of each region, and recorded."""
