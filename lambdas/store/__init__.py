"""The DynamoDB table: scopes and their reservations, events, runs. One file, one kind of item."""
