"""An AWS account as it is set up: asked, never changed. Facts without an opinion, for `doctor`.

asking (everything at once, within a time) → whose, buckets, roles, networks, machines → facts
"""
