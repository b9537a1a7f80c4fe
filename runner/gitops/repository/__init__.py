"""What the checkout's git says: commits, changes between them, files as they were."""
