"""The SDK of AWS: how every client of it is made, and what its errors say of the settings here.

What an error means for the work in hand is for those who ask: `stores/s3` and `clouds`.
"""
