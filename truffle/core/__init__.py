"""The knowledge and decisions of truffle, without a clock, an environment or a network.

Everything here is a pure function of its arguments: the Lambda functions, the command line, the
Python client, the sandbox and the tests share it.
"""
