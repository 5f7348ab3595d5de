"""truffle: what GPU capacity is held on AWS, what is idle, what starts next, what failed."""
