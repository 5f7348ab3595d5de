"""An HTTPS destination on the loopback interface, in place of Slack, Teams and the others."""
