"""The functions on AWS: each file is a handler, or code that several handlers share."""
