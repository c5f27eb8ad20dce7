"""What happens to an upload: read as a stream into rows, then what rests on all of them together.

loading    every file of an archive as rows, settings straight into COPY
parsing    the task: one transaction for one run
"""
