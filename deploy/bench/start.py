"""Starts and ends a daemon on a store again and again; see deploy/bench/start."""
import os
import pathlib
import signal
import socket
import statistics
import subprocess
import sys
import time
import urllib.error
import urllib.request

program, store, model, starts, work = sys.argv[1:]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def is_ready(url):
    try:
        with urllib.request.urlopen(url, timeout=1) as answer:
            return answer.status == 200
    except (urllib.error.URLError, OSError):
        return False


def run(brokers, end):
    """One life of a daemon; seconds until it is ready, and from the signal to its end."""
    port = free_port()
    settings = {
        "kafka.brokers": brokers, "store.path": store, "model.base": model, "http.enabled": "true",
        "http.port": port, "kafka.on_gap": "accept", "log.level": "error",
    }
    begun = time.monotonic()
    with open(f"{work}/daemon.log", "w", encoding="utf-8") as log:
        daemon = subprocess.Popen(
            [program, "run"] + [part for key, value in settings.items() for part in ("--set", f"{key}={value}")],
            stdout=subprocess.DEVNULL, stderr=log)
        while not is_ready(f"http://127.0.0.1:{port}/ready"):
            if daemon.poll() is not None or time.monotonic() - begun > 120:
                daemon.kill()
                sys.exit(f"the daemon did not become ready: {pathlib.Path(log.name).read_text(encoding='utf-8')}")
            time.sleep(0.005)
        ready = time.monotonic() - begun
        time.sleep(0.5)
        told = time.monotonic()
        daemon.send_signal(end)
        daemon.wait(timeout=120)
    return ready, time.monotonic() - told


broker = subprocess.Popen(
    [program, "broker", "--topic", "events:3", "--topic", "discount-recommendations:3", "--topic",
     "tidemark-dead-letters:1", "--address-file", f"{work}/address"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
try:
    while not (os.path.exists(f"{work}/address") and pathlib.Path(f"{work}/address").read_text(encoding="utf-8")):
        if broker.poll() is not None:
            sys.exit("the development broker ended")
        time.sleep(0.05)
    brokers = pathlib.Path(f"{work}/address").read_text(encoding="utf-8").strip()
    size = os.path.getsize(f"{store}/data.mdb") / 1e9
    print(f"a store of {size:.2f} GB")
    # The first one goes over from the log to the broker.
    run(brokers, signal.SIGTERM)
    clean = [run(brokers, signal.SIGTERM) for _ in range(int(starts))]
    # Ended so, the next start has the whole store to check.
    run(brokers, signal.SIGKILL)
    checked = [run(brokers, signal.SIGKILL) for _ in range(int(starts))]
    run(brokers, signal.SIGTERM)
    for name, seconds in (
            ("ready after a clean end", [ready for ready, _ in clean]),
            ("ready after kill -9, all of the store checked", [ready for ready, _ in checked]),
            ("SIGTERM to the end", [end for _, end in clean])):
        print(f"{name}: median {statistics.median(seconds):.2f} s, {min(seconds):.2f} to {max(seconds):.2f}")
finally:
    broker.terminate()
    broker.wait()
