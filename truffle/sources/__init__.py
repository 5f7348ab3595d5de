"""The sources of the client: EC2 itself (live) or the deployed stack (api)."""
