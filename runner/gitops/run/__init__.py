"""Runs carried out, followed and shown: what every stage that starts some has in common."""
