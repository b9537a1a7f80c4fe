"""`runner github merge`: what a push brought, compared with its review, run and shown."""
