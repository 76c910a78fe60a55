"""What a job needs to know of its machine and of its own code: memory, the command line, digests."""
