"""`runner github reconcile`: what the other stages missed, and what came due."""
