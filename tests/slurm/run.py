"""normlabd on a real Slurm of two nodes: the launcher's conformance suite, then 201 jobs while everything is killed that can be.

    python3 run.py SOURCE BUILD      exit status 77, saying why, where Slurm is not installed
"""

import collections
import contextlib
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

sys.path[:0] = [str(pathlib.Path(__file__).parent), str(pathlib.Path(__file__).parents[1])]
import stock_program  # noqa: E402
from cluster import Cluster, NotUp, free_ports, missing_programs, wait_until  # noqa: E402

SEEDS, TIMES, SLOTS = 50, 4, 4
# Seconds of a core, on the machine at hand: what Slurm does takes its own time on any machine, and jobs must be there when it happens.
SHORT_SECONDS, LONG_SECONDS = 1, 60
PATIENCE = 1200  # seconds; a healthy cluster needs a tenth of it, a machine that others use as well needs more


class Server(stock_program.Server):
    """normlabd with its workers on the cluster, or with two here."""

    def __init__(self, programs, home, environment):
        super().__init__(programs, home, "NORMLAB_", environment)

    def submit(self, *words):
        return [one["job"]["job_id"] for one in json.loads(self.normlab("submit", *words, "--json"))["jobs"]]

    def ids(self, state):
        return self.normlab("jobs", "--state", state, "--ids").split()

    def show(self, job):
        return json.loads(self.normlab("show", job, "--json"))

    def jobs(self, names):
        found = {job["job_id"]: job for job in json.loads(self.normlab("jobs", "--json"))["jobs"]}
        return [found[name] for name in names]

    def await_succeeded(self, count):
        wait_until(f"{count} jobs have succeeded", lambda: len(self.ids("succeeded")) >= count, PATIENCE)

    def await_more(self):
        """One more has succeeded, unless on a fast machine all have begun."""
        before = len(self.ids("succeeded"))
        wait_until("one more job has succeeded", lambda: len(self.ids("succeeded")) > before or not self.ids("queued"), PATIENCE)

    def busy_workers(self):
        """Processes that hold a job now."""
        workers = json.loads(self.normlab("workers", "--json")).get("workers", [])
        return [int(one["worker"].rsplit(":", 1)[1]) for one in workers if one.get("job_id")]


def pilots(cluster, states="PENDING,RUNNING,COMPLETING"):
    return set(cluster.run("squeue", "--noheader", f"--states={states}", "--format=%j", check=False).split()) - {"high"}


def check_conformance(cluster, programs):
    words = [programs / "launcher_test", "--gtest_filter=*RealSlurm*", "--gtest_brief=1"]
    done = subprocess.run(words, env=cluster.environment | {"NORMLAB_TEST_SLURM": "1"}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    print(done.stdout.strip().splitlines()[-1])


def expected(programs, folder):
    """Words that submit a short job and a long one, and fingerprint by seed of what workers on this machine make of them."""
    server = Server(programs, folder / "local", os.environ)
    server.start("--slots", "2")
    try:
        trials = 2000  # of an experiment that needs no data
        [probe] = server.submit("invariance", "--trials", str(trials))
        server.await_succeeded(1)
        rate = trials / float(server.show(probe)["job"]["cpu_seconds"])
        short, long = (["invariance", "--trials", f"{seconds * rate:.0f}"] for seconds in (SHORT_SECONDS, LONG_SECONDS))
        long += ["--seed", "77"]
        jobs = server.submit(*short, "--seeds", f"1-{SEEDS}") + server.submit(*long)
        server.await_succeeded(1 + len(jobs))
        return short, long, fingerprints(server.jobs(jobs))
    finally:
        server.end()


def fingerprints(jobs):
    found = collections.defaultdict(set)
    for job in jobs:
        assert job["state"].upper() == "SUCCEEDED", job
        found[job["spec"]["seed"]].add(job["fingerprint"])
    return dict(found)


class OnCluster(Server):
    def __init__(self, programs, folder, cluster, long_words):
        super().__init__(programs, folder / "home", cluster.environment)
        self.cluster, self.shared = cluster, folder / "shared"
        self.long_words, self.long = long_words, None
        certs = folder / "certs"
        self.normlab("admin", "certs", "init", str(certs), "--host", "127.0.0.1")
        (self.shared / "certs").mkdir(parents=True, mode=0o700)
        (self.shared / "certs/ca.pem").write_bytes((certs / "ca.pem").read_bytes())
        tls = ["--listen", f"127.0.0.1:{free_ports(1)[0]}", "--tls-cert", certs / "server.pem", "--tls-key", certs / "server.key"]
        slurm = ["--launcher", "slurm", "--slots", str(SLOTS), "--slurm-folder", self.shared, "--slurm-partition", "low", "--slurm-minutes", "30"]
        self.options = [*tls, *slurm, "--slurm-idle-seconds", "5"]

    def start(self):
        super().start(*self.options)

    def records(self):
        return {path.stem for path in self.shared.glob("*.token")}


def kill_controller(server):
    """Until the server has missed it, and jobs have gone on all the same."""
    missed = server.log().count("slurm_does_not_answer")  # it is said once: what comes after the kill must not be counted here
    server.cluster.kill("slurmctld")
    wait_until("the server misses the controller", lambda: server.log().count("slurm_does_not_answer") > missed, PATIENCE)
    server.await_more()
    server.cluster.start("slurmctld")


def kill_node_daemon(server):
    server.cluster.kill("n1")
    server.await_more()
    server.cluster.start("n1")


def kill_worker(server):
    busy = []
    wait_until("a worker has a job", lambda: busy.extend(server.busy_workers()) or busy, PATIENCE)
    with contextlib.suppress(ProcessLookupError):
        os.kill(busy[0], signal.SIGKILL)


def kill_server(server):
    before = pilots(server.cluster)
    server.end(signal.SIGKILL)
    assert server.records(), "nothing on record"
    server.start()
    adopted = server.log().count("pilot_adopted")
    assert adopted > 0, server.log()
    print(f"  {len(before)} pilots before, {adopted} adopted")


def preempt(server):
    """While a long job runs, which has to go on from where it was."""
    [server.long] = server.submit(*server.long_words, "--priority", "1")
    wait_until("the long job runs", lambda: server.show(server.long)["job"]["steps_done"] > 0, PATIENCE)
    server.cluster.run("sbatch", "--job-name=high", "--partition=high", "--nodes=2", "--exclusive", "--output=/dev/null", "--wrap", "sleep 3")
    wait_until("the preempting job has ended", lambda: "high" not in server.cluster.run("squeue", "--noheader", "--format=%j").split(), PATIENCE)
    assert server.show(server.long)["job"]["state"].upper() != "SUCCEEDED", "it ended before it was preempted"


def lose_node(server):
    server.cluster.run("scontrol", "update", "nodename=n2", "state=drain", "reason=test")
    server.await_more()
    server.cluster.run("scontrol", "update", "nodename=n2", "state=down", "reason=test")  # its pilots end at once; its daemon says that it is there
    server.await_more()
    server.cluster.run("scontrol", "update", "nodename=n2", "state=resume")


EVENTS = (kill_controller, kill_node_daemon, kill_worker, kill_server, preempt, lose_node)


def check_jobs(server, short_words, wanted):
    short = [job for _ in range(TIMES) for job in server.submit(*short_words, "--seeds", f"1-{SEEDS}", "--rerun")]
    assert len(short) == SEEDS * TIMES
    for number, event in enumerate(EVENTS, 1):
        server.await_succeeded(number * len(short) // (len(EVENTS) + 3))
        begin = time.monotonic()
        event(server)
        print(f"  {event.__name__}: {time.monotonic() - begin:.0f} s", flush=True)
        assert len(server.records()) <= SLOTS, server.records()
    server.await_succeeded(len(short) + 1)
    jobs = server.jobs([*short, server.long])
    assert fingerprints(jobs) == wanted, "other bits than of a local run"
    for job in jobs:
        endings = [one["ending"] for one in server.show(job["job_id"])["attempts"]] if job["attempt"] > 1 else ["SUCCEEDED"]
        assert endings.count("SUCCEEDED") == 1 and endings[-1] == "SUCCEEDED", endings
    attempts = server.show(server.long)["attempts"]
    assert len(attempts) > 1 and attempts[1]["first_step"] > 0, f"preemption left no checkpoint: {attempts}"
    return sum(job["attempt"] for job in jobs)


def check_idle(server):
    wait_until("idle allocations are given back", lambda: not pilots(server.cluster), PATIENCE)
    wait_until("nothing is on record", lambda: not server.records(), PATIENCE)


def check_stop(server):
    [job] = server.submit(*server.long_words, "--rerun")
    wait_until("it runs", lambda: server.show(job)["job"]["steps_done"] > 0, PATIENCE)
    assert server.end() == 0, server.log()
    assert not pilots(server.cluster) and not server.records()
    server.start()
    wait_until("it goes on", lambda: len(server.show(job)["attempts"]) == 2, PATIENCE)
    assert server.show(job)["attempts"][1].get("first_step"), "it left no checkpoint"
    server.normlab("cancel", job)
    assert server.end() == 0, server.log()


def main(build):
    if missing := missing_programs():
        print(f"SKIPPED: Slurm is not here ({', '.join(missing)}); apt-get install --no-install-recommends slurmctld slurmd slurm-client munge")
        return 77
    with tempfile.TemporaryDirectory(prefix="normlab-slurm-") as name:
        folder = pathlib.Path(name)
        short, long, wanted = expected(build / "bin", folder)
        with Cluster(folder / "cluster") as cluster:
            server = None
            try:
                check_conformance(cluster, build / "bin")
                server = OnCluster(build / "bin", folder, cluster, long)
                server.start()
                begin = time.monotonic()
                attempts = check_jobs(server, short, wanted)
                print(f"{SEEDS * TIMES + 1} jobs ended once each, in {attempts} attempts and {time.monotonic() - begin:.0f} s")
                check_idle(server)
                check_stop(server)
            except BaseException:
                print(server.log()[-6000:] if server else "", cluster.run("squeue", "--states=all", check=False), cluster.logs(), sep="\n")
                raise
            finally:
                if server is not None and server.process is not None and server.process.poll() is None:
                    server.end(signal.SIGKILL)
                cluster.run("scancel", "--user", str(os.getuid()), check=False)
                with contextlib.suppress(AssertionError):
                    wait_until("the cluster is empty", lambda: not pilots(cluster), 30)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(pathlib.Path(sys.argv[2]).resolve()))
    except NotUp as error:
        print(f"SKIPPED: Slurm does not come up on this machine: {error}")
        sys.exit(77)
