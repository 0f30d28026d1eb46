"""The project's own contestants, each a program that prints one line of JSON."""
