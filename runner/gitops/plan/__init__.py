"""`runner github plan`: what a change would run, as an artifact."""
