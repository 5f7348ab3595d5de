"""The past: what the bucket's snapshots, manifests and ledgers say."""
