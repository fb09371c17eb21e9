"""What tests of every room stand on: the watch for leaks, real model files, and a user without rights. No product code."""
