"""A worker for Errand's HTTP API, of Python's standard library alone.

ERRAND_URL=http://127.0.0.1:4800 ERRAND_TOKEN=... python3 worker.py
"""
import json, os, random, signal, sys, threading, time, urllib.error, urllib.request, uuid

URL = os.environ.get("ERRAND_URL", "http://127.0.0.1:4800")
TOKEN = os.environ.get("ERRAND_TOKEN", "")
QUEUES = os.environ.get("ERRAND_QUEUES", "default").split(",")
LEASE = os.environ.get("ERRAND_LEASE", "30s")
stopping = threading.Event()


def double(payload, gone):
    """A handler; `gone` is set when its job was cancelled, or is not ours any more."""
    gone.wait(payload.get("seconds", 0))
    return {"doubled": 2 * payload["n"]}


TASKS = {"double": double}


def post(path, body):
    """Sends until there is an answer: repeating a request has no second effect."""
    headers = {"content-type": "application/json", "authorization": f"Bearer {TOKEN}"}
    request = urllib.request.Request(URL + path, json.dumps(body).encode(), headers)
    while True:
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as problem:
            if problem.code < 500 and problem.code != 429:
                sys.exit(f"{path}: {problem.read().decode()}")
        except (OSError, ValueError) as error:  # there is no connection, or it broke
            print(f"{path}: {error}", file=sys.stderr)
        time.sleep(random.uniform(0.2, 0.6))


def claim(outcomes):
    """Hands in outcomes and waits for jobs. A lease with an id can be asked for once more."""
    ms, chance, last = time.time_ns() // 1_000_000, random.getrandbits(76), stopping.is_set()
    lease = uuid.UUID(int=ms << 80 | 7 << 76 | chance & ~(3 << 62) | 2 << 62)
    return post("/v1/claims", {
        "worker": f"python-{os.getpid()}", "queues": QUEUES, "limit": 0 if last else 5,
        "wait": "0s" if last else "5s", "id": str(lease), "lease": LEASE, "outcomes": outcomes})


def heartbeat(lease, gone, done):
    """Prolongs a lease until its jobs are done, and tells those that are not ours any more."""
    while not done.wait(lease["expiresIn"] / 3000):
        beat = {"leases": [lease["id"]], "lease": LEASE, "jobs": [{"job": job} for job in gone]}
        for lost in post("/v1/leases/heartbeat", beat)["lost"]:
            gone[lost["job"]].set()


def attempt(job, gone):
    """Runs a job, and says how that ended."""
    of = {"job": job["id"], "lease": job["lease"]}
    if job["task"] not in TASKS:
        return {**of, "outcome": "release", "delay": "10s"}
    try:
        return {**of, "outcome": "complete", "result": TASKS[job["task"]](job["payload"], gone)}
    except Exception as error:
        return {**of, "outcome": "fail", "error": repr(error)}


for name in (signal.SIGTERM, signal.SIGINT):
    signal.signal(name, lambda *_: stopping.set())  # finishes, hands in, and leaves
outcomes = []
while outcomes or not stopping.is_set():
    claimed = claim(outcomes)
    jobs, done = claimed["jobs"], threading.Event()
    gone = {job["id"]: threading.Event() for job in jobs}
    if jobs:
        threading.Thread(target=heartbeat, args=(claimed["lease"], gone, done)).start()
    outcomes = [attempt(job, gone[job["id"]]) for job in jobs if not gone[job["id"]].is_set()]
    done.set()
