"""The past, read from the bucket's snapshots, manifests and ledgers."""
