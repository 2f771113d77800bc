"""zmey: an identity-resolution server. One member, many identifiers."""
