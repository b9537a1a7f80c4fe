"""`runner github comment`: that artifact, from whoever wrote it, as a comment and a status."""
