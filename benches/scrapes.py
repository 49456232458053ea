#!/usr/bin/env python3
"""Asks a tallyd for /metrics as many clients at once do, and tells how long answers took.

    python3 benches/scrapes.py http://127.0.0.1:9464/metrics --clients 200 --seconds 30 --every 1

Each client keeps its connection, asks, reads the whole answer, and asks again one interval after it asked last; with
--every 0 as soon as it is answered. Clients begin spread over the interval, as scrapers do. Only Python's own library is used.
"""
import argparse
import http.client
import random
import threading
import time
from urllib.parse import urlsplit


def ask(url, ends, every, taken, failed):
    connection = http.client.HTTPConnection(url.hostname, url.port, timeout=10)
    time.sleep(random.uniform(0, every))
    while time.monotonic() < ends:
        began = time.monotonic()
        try:
            connection.request("GET", url.path)
            answer = connection.getresponse()
            body = answer.read()
            if answer.status == 200 and body.endswith(b"\n"):
                taken.append(time.monotonic() - began)
            else:
                failed.append(str(answer.status))
        except (OSError, http.client.HTTPException) as error:
            failed.append(repr(error))
            connection.close()
        time.sleep(max(0.0, began + every - time.monotonic()))
    connection.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url")
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--every", type=float, default=1)
    wanted = parser.parse_args()
    taken, failed = [], []
    ends = time.monotonic() + wanted.seconds
    rest = (urlsplit(wanted.url), ends, wanted.every, taken, failed)
    clients = [threading.Thread(target=ask, args=rest) for _ in range(wanted.clients)]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    taken.sort()
    share = lambda part: 1000 * taken[min(len(taken) - 1, int(part * len(taken)))] if taken else 0
    print(f"{len(taken)} scrapes, {len(failed)} failed {sorted(set(failed))}")
    print(f"p50 {share(0.5):.1f} ms, p90 {share(0.9):.1f} ms, p99 {share(0.99):.1f} ms, longest {share(1):.1f} ms")


if __name__ == "__main__":
    main()
