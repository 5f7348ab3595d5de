"""The infrastructure on AWS: one construct per concern, and a stack that only composes them."""
