"""The peers' contestants: programs that run in the peers' environment and print one line of JSON."""
