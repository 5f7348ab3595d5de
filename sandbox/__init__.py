"""The whole stack on one machine: an embedded AWS, a simulated EC2, and the story of the demo."""
