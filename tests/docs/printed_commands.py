"""Runs every command that README, docs and --help print, as they print it, against a real server with small jobs.

    python3 printed_commands.py SOURCE BUILD        exit status 1 if one fails, 77 without MNIST

Each command is run by bash, with `pipefail`, in a folder with the repository's docs and a HOME of its own. What a reader has and
a test has not, and what would take hours, stands in RULES with what is run instead, or why nothing is. A rule that no printed
command needs is an error, so the table cannot rot. docs/next is not read: it is about what is not there yet.
"""

import gzip
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import zipfile

NOT_RUN = None
TINY = "--passes 1 --train-images 256 --test-images 100 --hidden-units 8"
# One job that cannot end by itself, so that what is submitted behind it stays queued: the server has one slot.
HOLD = (
    "normlab submit mnist_mlp --passes 10000 --batch-size 2 --train-images 1000 --test-images 100 --label held=yes --rerun && "
    "until normlab jobs --label held=yes --state running --ids | grep -q j; do :; done && "
)
RELEASE = (
    " && normlab cancel $(normlab jobs --label held=yes --state running --ids) && "
    "while normlab jobs --state cancelling --ids | grep -q j; do :; done"
)

# Pattern of a printed command, what is run instead of the part that matches, why. All that match are applied, in this order.
# Jobs: j1 to j24 have ended, of MNIST; j25 to j28 were cancelled; j29 is one of handwriting.
RULES = [
    (r"^docker .*", NOT_RUN, "needs docker and a network"),
    (r"^sudo .*", NOT_RUN, "installs, or needs systemd; tests/package has the package and its unit"),
    (r"^ssh .*", NOT_RUN, "needs another machine"),
    (r"^normlabd --launcher slurm .*", NOT_RUN, "needs a cluster; tests/slurm has one"),
    (r"^squeue .*", NOT_RUN, "needs a cluster"),
    (r"^pip install .*", NOT_RUN, "tests/python/test_package.py does, where there is an index"),
    (r"^normlab data import iam_ondb .*", NOT_RUN, "only registered users may download it; tests/data imports a small one"),
    (r"^normlab data fetch kjv$", NOT_RUN, "a Debian package that is not everywhere"),
    (r"^normlab data import (books|mr|cr|subj|mpqa|sick) .*", NOT_RUN, "text that its user has; tests/data imports small ones"),
    (r"^normlab data import cifar10 .*", NOT_RUN, "170 MB that its user downloads; tests/data reads small files of its form"),
    (r"^normlab data import coco .*", NOT_RUN, "1.9 GB that its user downloads; tests/data imports small files of its form"),
    (r"^normlab data import cnn .*", NOT_RUN, "an archive that its user downloads; tests/data imports a small one"),
    (r"^tools/dev (?!help)(\w+).*", r"tools/dev help | grep -qE '^  \1 '", "installs, builds or runs tests"),
    (r"--prefix DIR$", "--prefix installed", "a word for any folder"),
    (r"^normlab (compare|reproduce|verify|neighbours|data|data import|context|admin restore|admin token)$", r"\g<0> --help", "text that names a command"),
    (r"^normlab export --bundle FILE$", "normlab export j17 j18 --bundle runs.zip", "a word for any file"),
    (r"^normlab import FILE$", "normlab import runs.zip", "a word for any file"),
    (r"COMMAND --help$", "submit --help", "a word for any command"),
    (r"\bJOB$", "j17", "a word for any job"),
    (r" PATH$", " ~/Downloads/mnist", "a word for any folder"),
    (r"^normlab data verify$", r"\g<0> || [ $? = 1 ]", "not every data set is here"),
    (r" fashion_mnist$", "", "a Debian package that is not everywhere"),
    (r"--home /srv/normlab", "--home $NORMLAB_HOME", "a folder of root's"),
    (r"--listen 127.0.0.1:50051", "--listen 127.0.0.1:0", "a port that may be in use"),
    (r"--listen 0.0.0.0:50051", "--listen 0.0.0.0:0", "a port that may be in use"),
    (r"--http 127.0.0.1:8080", "--http 127.0.0.1:0", "a port that may be in use"),
    (r"http://127.0.0.1:8080", "http://$HTTP", "this test's server"),
    (r"127.0.0.1:7070 --token-file ~/token", r"127.0.0.1:$PORT --token-file $TOKEN --once", "this test's server"),
    (r"--budget (quick|paper) --out results", "--only invariances --budget smoke --out results", "hours"),
    (r"^(normlab reproduce .*)--budget (quick|paper)$", r"\1--budget \2 --dry-run", "hours"),
    (r"^normlab reproduce layer-norm-2016(?! --only invariances).* --budget smoke$", r"\g<0> --dry-run", "minutes"),
    (r"^normlab reproduce my.yaml$", r"\g<0> --budget smoke", "half an hour"),
    (r"^(normlab submit mnist_mlp .*)--batch-size 128,4", r"\1--batch-size 32,4", "no more than the images"),
    (r"^normlab submit mnist_mlp (?!--help).*", rf"\g<0> {TINY}", "minutes"),
    (r"^normlab submit (draw|handwriting) .*", r"\g<0> --dry-run", "half an hour"),
    (r"^normlab (reproduce|submit (draw|handwriting)) .*--dry-run$", r"\g<0> --force", "data sets that are not here"),
    (r"--strict( \|\| echo differs)?$", "--strict || [ $? = 4 ]", "a wrong command line is no difference"),
    (r"--threads-per-job 4", "--threads-per-job 1", "four cores"),
    (r"--last 1000", "--last 1", "its jobs are shorter"),
    (r"^source <\(normlab completion zsh\)$", "normlab completion zsh", "zsh is not everywhere"),
    (r"samples.png", "weights.safetensors", "a file of other experiments"),
    (r"^normlab admin restore .*", "normlab admin restore $(normlab admin backup) --home $(mktemp -d)", "a backup that is there"),
    (r"^normlabd --restore$", "normlabd --help", "an option of another command"),
    (r"^normlab neighbours (?!--help).*", NOT_RUN, "a job of skip_thoughts, whose texts a test machine need not have; tests/client has it"),
    (r"^normlab write (.*) --job j17", r"normlab write \1 --job j29", "a job of handwriting"),
    (r"--prime 12", "--prime 2", "the lines are few"),
    (r"^normlab tensorboard(?! --print)", NOT_RUN, "serves until it is stopped; tests/tensorboard has it"),
    (r"^normlab-worker$", NOT_RUN, "serves until it is stopped"),
    (r"^normlab-worker --address lab.example.*", NOT_RUN, "another machine; tests/server/tls_test.cc has one"),
    (r"^normlab-worker (?!--version).*", HOLD + rf"normlab submit mnist_mlp {TINY} --rerun && \g<0>" + RELEASE, "work for it"),
    (r"^normlab (cancel|prioritise j17) .*", HOLD + r"normlab submit mnist_mlp --passes 2 --seeds 1-2 && \g<0> && normlab cancel --state queued" + RELEASE, "jobs that have not ended"),
    (r"normlab (cancel|prioritise) j17 j18", r"normlab \1 $(normlab jobs --state queued --ids)", "jobs that have not ended"),
    (r"^normlab (context (use|remove) lab|jobs --context lab)$", r"normlab context add lab --home ~/.local/share/normlab && \g<0> && normlab context use", "a server that is there, and no context in use for the other commands"),
    (r"^normlab context use service$", r"\g<0> && normlab context use", "no context in use for the other commands"),
    (r"^normlab complete SHELL -- WORDS...$", "normlab complete bash -- jobs --st | grep -qx -e --state", "words for a shell and a line"),
    (r"^normlab man DIR$", "mkdir pages && normlab man pages && test -s pages/normlab-jobs.1", "a word for any folder"),
    (r"normlab resume j17 --json", "normlab resume j26 --json", "a cancelled job"),
    (r"^normlab resume j17$", "normlab resume j27", "a cancelled job"),
    (r"^normlab delete j17", "normlab delete j28", "other commands need it"),
]


def of_markdown(text):
    """Commands of shell blocks and of `code` that is a command with arguments."""
    for block in re.findall(r"^```sh\n(.*?)^```", text, re.M | re.S):
        for line in block.splitlines():
            yield re.sub(r"\s+#.*", "", line)
    prose = re.sub(r"^```.*?^```", "", text, flags=re.M | re.S)
    yield from re.findall(r"`((?:normlab(?:d|-[a-z]+)?|tools/dev|cmake|docker) [^`]+)`", prose)


def of_yaml(text):
    return re.findall(r"^# {2,}(normlab .*)$", text, re.M)


def of_help(text):
    """Its examples, without what explains them, and `code`."""
    for line in re.findall(r"^  (normlab(?:d|-[a-z]+)?(?: .*)?|source .*)$", text, re.M):
        yield re.split(r"\s{3,}", line)[0]
    yield from re.findall(r"`(normlab [^`]+)`", text)


def help_texts(programs):
    def of(*words):
        done = subprocess.run([programs / words[0], *words[1:], "--help"], capture_output=True, text=True, check=True)
        return " ".join(words), re.sub(r"^Usage: .*", "", done.stdout, flags=re.M)

    def commands(text):
        return re.findall(r"^  ([a-z]+)  ", text, re.M)

    yield (main := of("normlab"))
    for name in commands(main[1]):
        yield (text := of("normlab", name))
        if name in ("data", "context"):
            yield from (of("normlab", name, sub) for sub in commands(text[1]))
    yield from (of(name) for name in sorted(path.name for path in programs.iterdir()) if re.match(r"normlab(d|-\w+)$", name))


def printed(source, programs):
    """Every command, and where it was first found."""
    files = [source / "README.md", *sorted((source / "docs").glob("*.md")), *sorted((source / "results").rglob("README.md"))]
    texts = [(path.relative_to(source), of_markdown(path.read_text().replace("\\\n", " "))) for path in files]
    texts += [(path.relative_to(source), of_yaml(path.read_text())) for path in sorted((source / "docs/examples").glob("*.yaml"))]
    texts += [(f"{name} --help", of_help(text)) for name, text in help_texts(programs)]
    found = {}
    for where, commands in texts:
        for command in commands:
            if command := re.sub(r"\s+", " ", command).strip():
                found.setdefault(command, where)
    return found


def applied(command, used):
    for pattern, instead, _ in RULES:
        if re.search(pattern, command):
            used.add(pattern)
            if instead is NOT_RUN:
                return None
            command = re.sub(pattern, instead, command)
    return command


class Machine:
    """A reader's machine: HOME, the programs, MNIST, and a server with the jobs that RULES names."""

    def __init__(self, source, build, folder):
        self.folder, self.process = folder, None
        self.home = folder / "home"
        for name in (".config/fish/completions", "Downloads/mnist", ".local/share/normlab/data", "tools"):
            (self.home / name).mkdir(parents=True)
        (folder / "build").mkdir()
        (folder / "tools").symlink_to(source / "tools")
        (folder / "build/release").symlink_to(build)
        shutil.copytree(source / "docs", folder / "docs")
        shutil.copy(source / "docs/examples/batch-size.yaml", folder / "my.yaml")
        (folder / "spec.yaml").write_text("mnist_mlp: {passes: 1, train_images: 256, test_images: 100, hidden_units: 8, batch_size: 8}\n")
        here = pathlib.Path(__file__).parent
        (self.home / "tools/jq").symlink_to(here / "jq.py")
        (self.home / "tools/display").symlink_to(shutil.which("wc"))
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("NORMLAB_", "XDG_"))}
        path = f"{self.home}/tools:{build}/bin:{os.environ['PATH']}"
        self.environment = kept | {"HOME": str(self.home), "PATH": path, "NORMLAB_CHECKPOINT_INTERVAL": "0"}

    def put_mnist(self, files):
        for file in files:
            shutil.copy(file, self.home / "Downloads/mnist")
        self.must("normlab data import mnist ~/Downloads/mnist")
        with zipfile.ZipFile(self.folder / "mnist.zip", "w") as archive:
            for file in files:
                archive.write(file, pathlib.Path(file).name)
        name = "train-images-idx3-ubyte"
        with gzip.open(self.folder / f"{name}.gz", "wb", compresslevel=1) as packed:
            packed.write((self.home / "Downloads/mnist" / name).read_bytes())

    def start(self):
        words = ["normlabd", "--slots", "1", "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0", "--print-ready"]
        self.process = self.started(words, self.environment, stderr=subprocess.DEVNULL)
        ready = self.process.stdout.readline().split()
        run = self.home / ".local/share/normlab/run"
        self.environment |= {"PORT": ready[2], "TOKEN": str(run / "token"), "HTTP": (run / "http").read_text().strip()}
        labels = "--label study=width --label item=mnist --label who=ana"
        self.must(f"normlab submit mnist_mlp --norm none,layer --batch-size 32,16,8 --seeds 1-4 {TINY} {labels} --watch")  # j1 to j24
        self.must(HOLD + f"normlab submit mnist_mlp --seeds 5-7 {TINY} && normlab cancel j26 j27 j28" + RELEASE)
        pen = "--dataset synthetic_pen --scale per_line --units 16 --max-steps 60 --updates 4 --train-lines 8 --test-lines 4"
        self.must(f"normlab submit handwriting {pen} --watch")

    def started(self, words, environment, stderr):
        return subprocess.Popen(words, env=environment, cwd=self.folder, stdout=subprocess.PIPE, stderr=stderr, text=True)

    def must(self, command):
        done = self.run(command)
        if done.returncode != 0:
            raise SystemExit(f"this test could not be prepared: {command}\n{done.stdout}{done.stderr}")

    def run(self, command, **environment):
        words = ["bash", "-o", "pipefail", "-c", command]
        together = self.environment | environment
        return subprocess.run(words, env=together, cwd=self.folder, capture_output=True, text=True, timeout=600)

    def serve(self, command):
        """Starts a server of another home, and stops it once it answers."""
        home = tempfile.mkdtemp(dir=self.folder)
        words = ["bash", "-c", "exec " + command.removesuffix("&")]
        server = self.started(words, self.environment | {"NORMLAB_HOME": home}, stderr=subprocess.PIPE)
        while server.poll() is None and self.run("normlab jobs", NORMLAB_HOME=home).returncode == 3:
            pass
        server.send_signal(signal.SIGTERM)
        out, errors = server.communicate()
        return subprocess.CompletedProcess(words, server.returncode, out, errors)

    def stop(self):
        if self.process is not None:
            self.process.terminate()
            self.process.communicate()


def run_all(machine, commands):
    used, failed, left_out = set(), [], 0
    for command, where in commands.items():
        run = applied(command, used)
        if run is None:
            left_out += 1
            continue
        is_server = re.match(r"(normlab up|normlabd)\b(?!.*--(help|version))", run)
        done = machine.serve(run) if is_server else machine.run(run)
        print(f"{done.returncode:3}  {run}", flush=True)
        if done.returncode != 0:
            failed.append(f"{where}: {command}\n  run as: {run}\n  {(done.stdout + done.stderr).strip()[-600:]}")
    failed += [f"this rule matches no printed command any more: {pattern}" for pattern, _, _ in RULES if pattern not in used]
    print(f"{len(commands)} commands are printed, {left_out} not run for the reasons in RULES, {len(failed)} failed")
    print("\n".join(failed))
    return failed


def main(source, build):
    mnist = subprocess.run([build / "bin/normlab", "data", "verify", "mnist", "--json"], capture_output=True, text=True)
    if mnist.returncode != 0:
        print("MNIST is not here; run `normlab data fetch mnist`")
        return 77
    files = re.findall(r'"path": "(.*)"', mnist.stdout)
    commands = printed(source, build / "bin")
    if len(commands) < 90:
        raise SystemExit(f"only {len(commands)} commands were found")
    with tempfile.TemporaryDirectory(prefix="normlab-") as name:
        machine = Machine(source, build, pathlib.Path(name))
        try:
            machine.put_mnist(files)
            machine.start()
            return 1 if run_all(machine, commands) else 0
        finally:
            machine.stop()


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]).resolve()))
