#!/usr/bin/env python3
"""Asks a tallyd for its pages as many clients at once do, and tells how long answers took.

    python3 benches/clients.py http://127.0.0.1:9464/metrics --clients 200 --seconds 30 --every 1

Each client keeps its connection, asks, reads the whole answer, and asks again one interval after it asked last; with
--every 0 as soon as it is answered. Given several addresses it asks for each in turn. Clients begin spread over the
interval, as scrapers do. Only Python's own library is used.
"""
import argparse
import http.client
import itertools
import random
import threading
import time
from urllib.parse import urlsplit


def ask(urls, ends, every, taken, failed):
    connection = http.client.HTTPConnection(urls[0].hostname, urls[0].port, timeout=10)
    turns = itertools.cycle(random.sample(urls, len(urls)))
    time.sleep(random.uniform(0, every))
    while time.monotonic() < ends:
        began = time.monotonic()
        try:
            url = next(turns)
            connection.request("GET", url.path + ("?" + url.query if url.query else ""))
            answer = connection.getresponse()
            # One that is cut short is an error.
            answer.read()
            if answer.status == 200:
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
    parser.add_argument("urls", nargs="+")
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--every", type=float, default=1)
    wanted = parser.parse_args()
    taken, failed = [], []
    ends = time.monotonic() + wanted.seconds
    rest = ([urlsplit(url) for url in wanted.urls], ends, wanted.every, taken, failed)
    clients = [threading.Thread(target=ask, args=rest) for _ in range(wanted.clients)]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    taken.sort()
    share = lambda part: 1000 * taken[min(len(taken) - 1, int(part * len(taken)))] if taken else 0
    print(f"{len(taken)} answers, {len(failed)} failed {sorted(set(failed))}")
    print(f"p50 {share(0.5):.1f} ms, p90 {share(0.9):.1f} ms, p99 {share(0.99):.1f} ms, longest {share(1):.1f} ms")


if __name__ == "__main__":
    main()
