"""The peers: what else one could use for the same work, each tuned and fed favourably."""
