"""Where truffle runs on AWS: one construct per concern, a stack that only composes them."""
