"""The functions on AWS, thin: each file is one function of the flow or one adapter it uses."""
