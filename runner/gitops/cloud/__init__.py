"""`runner github cloud`: the one stage that reaches into the cloud."""
