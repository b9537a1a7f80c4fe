"""One machine for a run: launched exactly once, ended in every case, its cost bound beforehand."""
