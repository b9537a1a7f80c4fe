"""A run on a machine of the cloud, seen from outside: begun, looked after, taken further, ended.

Everything is done by looking at what there is and taking the next step (`advance`): whoever is killed, late
or twice there finds the same facts, and takes the same step.
"""
