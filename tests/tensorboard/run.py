"""The stock TensorBoard on a real server: what its page asks for, and, where there is a browser, what the page shows.

    python3 run.py SOURCE BUILD VENV      exit status 77, saying why, where TensorBoard is not and cannot be installed

VENV is made with pip if it is not there and no tensorboard is on PATH.
"""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import urllib.error
import urllib.parse
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent))
from stock_program import Server, make_venv  # noqa: E402

RELEASE = "tensorboard~=2.21"
BUNDLE = "results/published/quick/convnets/runs.zip"
POINTS = 10  # of each curve: fewer than there are
# A job that draws and needs no data set.
PICTURES = "order_embedding --dataset scenes --units 8 --word-size 8 --batch-size 8 --updates 4 --train-images 32 --evaluation-images 8 --test-folds 1"


def installed(venv):
    """The program; absent, with the reason, if it cannot be had."""
    if found := shutil.which("tensorboard"):
        return pathlib.Path(found), ""
    why = make_venv(venv, [RELEASE], 120)
    return (None, why) if why else (venv / "bin/tensorboard", "")


class Refused(Exception):
    """By TensorBoard: what its answer says."""


class TensorBoard:
    """Started by the command line that `normlab tensorboard --print` prints."""

    def __init__(self, server, program):
        more = ["--port", "0", "--host", "127.0.0.1", "--samples_per_plugin", f"scalars={POINTS}"]
        line = server.normlab("tensorboard", "--print", "--", *more)
        environment = server.environment | {"PATH": f"{program.parent}:{server.environment['PATH']}"}
        self.process = subprocess.Popen(["sh", "-c", "exec env " + line], env=environment, stderr=subprocess.PIPE, text=True)
        said = []
        for told in self.process.stderr:
            said.append(told)
            if found := re.search(r"http://127\.0\.0\.1:\d+/", told):
                self.address = found[0]
                break
        else:
            raise AssertionError("TensorBoard did not come up:\n" + "".join(said))

    def stop(self):
        self.process.terminate()
        self.process.communicate()

    def fetch(self, path, form=None, body=None):
        data = urllib.parse.urlencode(form, doseq=True).encode() if form else body
        headers = {"Content-Type": "application/json"} if body else {}
        try:
            with urllib.request.urlopen(urllib.request.Request(self.address + path, data, headers), timeout=60) as answer:
                return answer.read()
        except urllib.error.HTTPError as error:
            raise Refused(f"{path}: {error.code} {error.read().decode()}") from error

    def get(self, path, **more):
        return json.loads(self.fetch(path, **more))

    def refused(self, path):
        try:
            self.fetch(path)
        except Refused as error:
            return str(error)
        raise AssertionError(f"{path} was answered")


def check_runs(board, jobs):
    runs = board.get("data/runs")
    assert sorted(run.rsplit("/", 1)[1] for run in runs) == sorted(jobs), runs
    for run in runs:
        spec = jobs[run.rsplit("/", 1)[1]]["spec"]
        assert run.split("/")[0] in spec, (run, spec)
        assert f"/seed={spec.get('seed', 0)}/" in run, (run, spec)
    active = [name for name, plugin in board.get("data/plugins_listing").items() if plugin["enabled"]]
    assert {"scalars", "images", "hparams", "timeseries"} <= set(active), active
    return runs


def check_scalars(board, server, runs):
    tags = board.get("data/plugin/timeseries/tags")["scalars"]["runTagInfo"]
    assert sorted(tags) == sorted(runs)
    run = runs[0]
    job = run.rsplit("/", 1)[1]
    stored = {}
    for row in server.normlab("export", job, "--format", "jsonl").splitlines():
        point = json.loads(row)
        stored.setdefault(point["series"], []).append(point)
    assert sorted(stored) == tags[run], (sorted(stored), tags[run])
    assert max(map(len, stored.values())) > POINTS, "no curve is long enough to be thinned out"
    asked = [{"plugin": "scalars", "tag": tag} for tag in sorted(stored)]
    for answer in board.get("data/plugin/timeseries/timeSeries", form={"requests": json.dumps(asked)}):
        points, shown = stored[answer["tag"]], answer["runToSeries"][run]
        assert len(shown) == min(POINTS, len(points)), (answer["tag"], len(shown), len(points))
        values = {point["step"]: point["value"] for point in points}
        for point in shown:
            assert abs(point["value"] - values[point["step"]]) <= 1e-6 * abs(values[point["step"]]), (point, answer["tag"])
        assert (shown[0]["step"], shown[-1]["step"]) == (points[0]["step"], points[-1]["step"])


def check_images(board, server):
    found = board.get("data/plugin/timeseries/tags")["images"]["tagRunSampledInfo"]
    assert found, "no pictures"
    for tag, runs in found.items():
        for run, info in runs.items():
            assert info == {"maxSamplesPerStep": 1}, info
        asked = [{"plugin": "images", "tag": tag, "run": run, "sample": 0}]
        [picture] = board.get("data/plugin/timeseries/timeSeries", form={"requests": json.dumps(asked)})[0]["runToSeries"][run]
        shown = board.fetch("data/plugin/timeseries/imageData?" + urllib.parse.urlencode({"imageId": picture["imageId"]}))
        assert shown == server.normlab("artifacts", run.rsplit("/", 1)[1], tag, "-o", "-", text=False), tag
        [older] = board.get("data/plugin/images/images?" + urllib.parse.urlencode({"tag": tag, "run": run, "sample": 0}))
        assert board.fetch("data/plugin/images/individualImage?" + older["query"]) == shown


def check_hparams(board, runs):
    experiment = board.get("data/plugin/hparams/experiment", body=json.dumps({"experimentName": ""}).encode())
    names = {info["name"] for info in experiment["hparamInfos"]}
    assert {"experiment", "norm", "batch_size"} <= names and "seed" not in names, names
    statuses = ["STATUS_UNKNOWN", "STATUS_SUCCESS", "STATUS_FAILURE", "STATUS_RUNNING"]
    columns = [{"metric": info["name"]} for info in experiment["metricInfos"]]
    asked = {"allowedStatuses": statuses, "colParams": columns, "startIndex": 0, "sliceSize": 1000, "aggregationType": "AGGREGATION_AVG"}
    groups = board.get("data/plugin/hparams/session_groups", body=json.dumps(asked).encode())["sessionGroups"]
    assert sorted(session["name"] for group in groups for session in group["sessions"]) == sorted(runs)
    for group in groups:
        assert all(session["name"].startswith(group["name"] + "/seed=") for session in group["sessions"]), group["name"]
        assert all(session["status"] == "STATUS_SUCCESS" for session in group["sessions"]), group["name"]
        assert group["metricValues"], group["name"]
    assert len({group["name"] for group in groups}) == len(groups) < len(runs)


def check_live(board, server, runs):
    """What is submitted now is seen by the program that runs already, and so is what comes after a restart of the server."""
    server.normlab("submit", "invariance", "--trials", "1", "--watch")
    now = board.get("data/runs")
    [new] = set(now) - set(runs)
    assert new.startswith("invariance/trials=1/seed="), new
    assert board.get("experiment/invariance/data/runs") == [new], "an experiment is a choice of runs"
    assert board.get("experiment/defaultExperimentId/data/runs") == now, "as the page says for none"
    why = board.refused("experiment/invarience/data/runs")
    assert "expected one of" in why and "invariance" in why, why
    server.end()
    server.start("--slots", "1")
    assert sorted(board.get("data/runs")) == sorted(now)


def look(source, board, folder):
    """In a browser, if there is one."""
    web, node = source / "web", shutil.which("node")
    if node is None or not (web / "node_modules/playwright-core").exists() or not pathlib.Path("/usr/bin/chromium").exists():
        return "not looked at in a browser: node, web/node_modules or chromium is missing"
    script = pathlib.Path(__file__).parent / "page.mjs"
    done = subprocess.run([node, script, web, board.address, folder], capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip()


def main(source, build, venv):
    program, why = installed(venv)
    if program is None:
        print(f"SKIPPED: there is no tensorboard, and it cannot be installed: {why}")
        return 77
    pictures = pathlib.Path(os.environ.get("NORMLAB_PICTURES", venv.parent / "pictures"))
    pictures.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="normlab-") as name:
        server = Server(build / "bin", pathlib.Path(name) / "it's home", ("NORMLAB_ADDRESS", "NORMLAB_TOKEN", "GRPC_"))
        server.start("--slots", "1")
        try:
            server.normlab("import", str(source / BUNDLE))
            server.normlab("submit", *PICTURES.split(), "--seed", "7", "--watch")
            jobs = {job["job_id"]: job for job in json.loads(server.normlab("jobs", "--json"))["jobs"]}
            board = TensorBoard(server, program)
            try:
                runs = check_runs(board, jobs)
                check_scalars(board, server, runs)
                check_images(board, server)
                check_hparams(board, runs)
                print(look(source, board, pictures))
                check_live(board, server, runs)
            finally:
                board.stop()
        finally:
            server.end()
    print(f"{program}: {len(runs)} runs were shown")
    return 0


if __name__ == "__main__":
    sys.exit(main(*(pathlib.Path(word).resolve() for word in sys.argv[1:4])))
