"""A Slurm cluster of two nodes on this machine, below one folder: munged, slurmctld and two slurmd as this user's processes, no service
of the system. Everything listens on 127.0.0.1 and is gone when the test ends."""

import os
import shutil
import signal
import socket
import subprocess
import time

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scancel", "sinfo", "scontrol")
NODES = ("n1", "n2")

CONFIGURATION = """
ClusterName=local
SlurmctldHost=localhost(127.0.0.1)
SlurmctldAddr=127.0.0.1
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
CryptoType=crypto/munge
AuthInfo=socket={folder}/munge.socket
SlurmctldPort={port}
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.%n.pid
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool/%n
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerType=sched/backfill
SchedulerParameters=bf_interval=1,sched_interval=1,sched_min_interval=0,batch_sched_delay=0
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
JobRequeue=1
{more}
KillWait=5
InactiveLimit=0
MinJobAge=300
ReturnToService=2
SlurmctldTimeout=30
SlurmdTimeout=60
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
MaxJobCount=20000
{nodes}
PartitionName=low Nodes=n[1-2] Default=YES PriorityTier=1 PreemptMode=REQUEUE GraceTime=5 MaxTime=INFINITE State=UP
PartitionName=high Nodes=n[1-2] Default=NO PriorityTier=10 PreemptMode=OFF MaxTime=INFINITE State=UP
"""

NODE = "NodeName={name} NodeHostname=localhost NodeAddr=127.0.0.1 Port={port} CPUs=2 Boards=1 SocketsPerBoard=1 CoresPerSocket=2 ThreadsPerCore=1 RealMemory=1000 State=UNKNOWN"


def missing_programs():
    return [name for name in PROGRAMS if shutil.which(name, path=search_path()) is None]


def search_path():
    """Daemons stand where only an administrator's PATH leads."""
    return os.environ.get("PATH", "") + ":/usr/sbin:/sbin"


def free_ports(count):
    held = [socket.socket() for _ in range(count)]
    for one in held:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in held]
    for one in held:
        one.close()
    return ports


def wait_until(what, true, seconds=60):
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            raise AssertionError(f"{what}: not after {seconds} s")
        time.sleep(0.1)


class NotUp(Exception):
    """Slurm is installed and does not run here."""


class Cluster:
    """`with Cluster(folder) as cluster`. `more`: lines for its slurm.conf."""

    def __init__(self, folder, more=""):
        self.folder = folder
        self.daemons = {}
        user = subprocess.run(["id", "-un"], capture_output=True, text=True, check=True).stdout.strip()
        ports = free_ports(1 + len(NODES))
        for name in ("state", "spool", *(f"spool/{node}" for node in NODES)):
            (folder / name).mkdir(parents=True)
        nodes = "\n".join(NODE.format(name=name, port=port) for name, port in zip(NODES, ports[1:]))
        (folder / "slurm.conf").write_text(
            CONFIGURATION.format(user=user, folder=folder, port=ports[0], nodes=nodes, more=more), encoding="utf-8"
        )
        (folder / "munge.key").write_bytes(os.urandom(128))
        (folder / "munge.key").chmod(0o600)
        self.environment = os.environ | {"SLURM_CONF": str(folder / "slurm.conf"), "PATH": search_path()}

    def __enter__(self):
        try:
            self.start("munged")
            wait_until("munged", (self.folder / "munge.socket").exists)
            for name in ("slurmctld", *NODES):
                self.start(name)
            wait_until("two idle nodes", lambda: self.node_states().count("idle") == len(NODES))
        except AssertionError as error:
            self.__exit__()
            raise NotUp(f"{error}\n{self.logs()}") from error
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for name in ("slurmctld", *NODES, "munged"):
            if name in self.daemons:
                self.kill(name)

    def words(self, name):
        config = str(self.folder / "slurm.conf")
        if name == "munged":
            where = [("socket", "munge.socket"), ("key-file", "munge.key"), ("pid-file", "munged.pid"), ("log-file", "munged.log"), ("seed-file", "munged.seed")]
            return ["munged", "--foreground", "--force", *(f"--{option}={self.folder / file}" for option, file in where)]
        return ["slurmctld", "-f", config, "-D"] if name == "slurmctld" else ["slurmd", "-f", config, "-N", name, "-D"]

    def start(self, name):
        log = open(self.folder / f"{name}.out", "ab")
        self.daemons[name] = subprocess.Popen(self.words(name), env=self.environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL)

    def kill(self, name):
        """As a crash does."""
        process = self.daemons.pop(name)
        process.send_signal(signal.SIGKILL)
        process.wait()

    def run(self, *words, check=True):
        done = subprocess.run(words, env=self.environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0 or not check, f"{words}: {done.stderr}"
        return done.stdout

    def node_states(self):
        return self.run("sinfo", "--noheader", "--Node", "--partition=low", "--format=%T", check=False).split()

    def logs(self):
        return "".join(f"--- {path.name}\n{path.read_text(errors='replace')[-4000:]}" for path in sorted(self.folder.glob("*.log")))
