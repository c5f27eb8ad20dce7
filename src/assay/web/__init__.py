"""The web service: advisories by HTTP, for clients that speak OSV's API, npm's audit or OSV's bucket tree.

app        settings and Context -> the ASGI application, with everything on it
api/       one module per surface, and beside it what the surface decides without a database
guard      what a route asks of whoever calls it; identity says who that is, csrf whether one of our pages asked
shield     headers, sizes and numbers of all requests
reading    a connection per question, read-only: nothing can be changed through this service
exports    archives of the catalog, made once per state of the catalog and kept as files
access     one log line per request
problems   what a client is told when something is wrong
running    the process: address, workers, a graceful end

Promises, at the 95th percentile: `/v1/query` under 10 ms, `/v1/querybatch` of 1,000 under 200 ms.
"""
