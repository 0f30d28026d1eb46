"""Tests of the made-up files, of the local S3 and of the demo."""
