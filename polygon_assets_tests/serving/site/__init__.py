"""A platform that is served once for all tests of this folder."""
