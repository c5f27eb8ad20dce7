"""Celery's side of benchmarks/jobs.py, run by the Python of `.clients/celery`, which has nothing of Assay.

    python celery_queue.py COUNT               defer so many no-op tasks, and print how many a second
    celery -A celery_queue worker ...          run them

`BENCH_BROKER` names the broker. The settings are those that Celery's documents give for short tasks that must not be
lost with their worker: acknowledged when they have ended, many fetched ahead, no results.
"""

import os
import sys
import time

from celery import Celery

app = Celery("bench", broker=os.environ["BENCH_BROKER"])
app.conf.update(
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    task_ignore_result=True,
    worker_prefetch_multiplier=128,
    broker_connection_retry_on_startup=True,
)


@app.task(name="nothing")
def nothing() -> None:
    """Do nothing."""


if __name__ == "__main__":
    count = int(sys.argv[1])
    started = time.perf_counter()
    # Celery has no deferral in bulk; one connection for all is the quickest that it has.
    with app.producer_pool.acquire(block=True) as producer:
        for _ in range(count):
            nothing.apply_async(producer=producer)
    print(count / (time.perf_counter() - started))
