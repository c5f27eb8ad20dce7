"""Monitoring: what the jobs and the run ledger say about the health of the whole, and who is told.

queries    the present (queues, tasks, workers, sources) and the totals, for `/metrics`, pages and rules
store      counts what ended since the last look, each once, into totals that outlive the jobs; keeps alerts
rules/     readings: the present against thresholds; lifecycle: when an alert opens and resolves; notices: its words
commands   watch: count, judge, keep, and leave notices to be delivered; acknowledge; deliver
tasks      watch every minute, deliver with retries

Tables (schema monitoring): horizons, counted, job_totals, job_times, attempt_totals, run_totals, record_totals, alerts,
deliveries. It reads the tables of the jobs room and nothing else, and knows no pipeline.

Promises: an alert is told once when it opens and once when it resolves; what oscillates between its two thresholds is
told once; an ended job is counted once, whatever order the transactions are committed in.
"""
