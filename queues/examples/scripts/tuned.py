"""Work that keeps to what its environment allows: workers, memory, threads, batch size."""

import argparse
import os
import resource
from concurrent.futures import ThreadPoolExecutor

UNITS = {"MB": 10**6, "GB": 10**9}


def share(part: range) -> int:
    return sum(n * n % 7 for n in part)


parser = argparse.ArgumentParser()
parser.add_argument("stage", choices=["processing", "training", "inference"])
options = parser.parse_args()

if limit := os.environ.get("MEMORY_LIMIT"):
    size = int(limit[:-2]) * UNITS[limit[-2:]]
    resource.setrlimit(resource.RLIMIT_DATA, (size, size))
    print(f"memory: at most {limit}")
workers = int(os.environ.get("NUM_WORKERS") or os.environ.get("OMP_NUM_THREADS") or 1)
batch = int(os.environ.get("BATCH_SIZE", "1000"))
batches = [range(start, min(start + batch, 100_000)) for start in range(0, 100_000, batch)]
with ThreadPoolExecutor(workers) as pool:
    total = sum(pool.map(share, batches))
for name in ("CUDA_VISIBLE_DEVICES", "TORCH_NUM_THREADS", "OMP_NUM_THREADS"):
    if name in os.environ:
        print(f"{name}: {os.environ[name]}")
print(f"{options.stage}: {len(batches)} batches of {batch} by {workers} workers, total {total}")
