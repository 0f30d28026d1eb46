"""flatfile."""
