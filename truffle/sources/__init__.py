"""Where the laptop gets its answers: EC2 itself (live) or the deployed stack (api)."""
