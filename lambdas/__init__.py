"""The functions on AWS, thin: each file is a function of the flow or what several of them share."""
