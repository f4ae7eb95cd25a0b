"""What the stock MLflow client is made to do by run.py, in a process of its own.

    python3 client.py STEP WORDS...      prints JSON; exit status 1, saying why, where something is not as expected
"""

import json
import pathlib
import sys
import tempfile

import mlflow
from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag
from mlflow.exceptions import MlflowException

client = MlflowClient()


def metrics(first, n):
    return [Metric("loss", 1 / (step + 1), 1000 + step, step) for step in range(first, first + n)]


def log():
    """A run of everything: returns its id."""
    experiment = client.create_experiment("by hand", tags={"team": "x"})
    run = client.create_run(experiment, run_name="first", tags={"program": "torch", "mlflow.note.content": "a note"}).info.run_id
    client.log_batch(run, metrics(0, 1000), [Param("lr", "0.1"), Param("seed", "3")], [RunTag("t", "v")])
    client.log_metric(run, "not a number", float("nan"))
    client.log_metric(run, "huge", float("inf"), step=7)
    client.log_param(run, "long", "x" * 6000)
    client.set_tag(run, "gone", "soon")
    client.delete_tag(run, "gone")
    client.log_text(run, "hello", "notes/a.txt")
    with tempfile.TemporaryDirectory() as folder:
        large = pathlib.Path(folder, "large.bin")
        large.write_bytes(bytes(range(256)) * 40_000)
        client.log_artifact(run, str(large), "files")
    client.set_terminated(run)
    try:
        client.log_param(run, "lr", "0.2")
        raise AssertionError("a parameter was changed")
    except MlflowException as error:
        assert error.error_code == "INVALID_PARAMETER_VALUE", error
        assert "lr" in str(error) and "0.1" in str(error), error
    return {"run": run, "experiment": experiment}


def read(run):
    """Everything that log() left."""
    found = client.get_run(run)
    assert found.info.status == "FINISHED" and found.info.run_name == "first", found.info
    assert found.data.params == {"lr": "0.1", "seed": "3", "long": "x" * 6000}, found.data.params
    assert found.data.tags["program"] == "torch" and found.data.tags["t"] == "v" and "gone" not in found.data.tags, found.data.tags
    assert found.data.metrics["loss"] == 1 / 1000 and found.data.metrics["huge"] == float("inf"), found.data.metrics
    assert found.data.metrics["not a number"] != found.data.metrics["not a number"]
    history = client.get_metric_history(run, "loss")
    assert [(m.step, m.timestamp, m.value) for m in history] == [(m.step, m.timestamp, m.value) for m in metrics(0, 1000)]
    assert [f.path for f in client.list_artifacts(run)] == ["files", "notes"]
    assert [(f.path, f.file_size) for f in client.list_artifacts(run, "files")] == [("files/large.bin", 256 * 40_000)]
    with tempfile.TemporaryDirectory() as folder:
        whole = pathlib.Path(client.download_artifacts(run, "", folder))
        assert (whole / "notes/a.txt").read_text() == "hello"
        assert (whole / "files/large.bin").read_bytes() == bytes(range(256)) * 40_000
    return {}


def search(run):
    experiment = client.get_experiment_by_name("by hand")
    assert [e.name for e in client.search_experiments(filter_string="tags.team = 'x'")] == ["by hand"]
    for text in ("metrics.loss < 0.5 and params.lr = '0.1'", "tags.program LIKE 'tor%'", "attributes.run_name = 'first'", f"run_id IN ('{run}')"):
        assert [r.info.run_id for r in client.search_runs([experiment.experiment_id], text)] == [run], text
    assert client.search_runs([experiment.experiment_id], "metrics.loss > 0.5") == []
    client.delete_run(run)
    assert client.search_runs([experiment.experiment_id]) == []
    client.restore_run(run)
    more = [client.create_run(experiment.experiment_id, start_time=n).info.run_id for n in range(5)]
    for n, other in enumerate(more):
        client.log_metric(other, "loss", float(n))
        client.set_terminated(other)
    ordered = client.search_runs([experiment.experiment_id], order_by=["metrics.loss DESC"], max_results=2)
    assert [r.info.run_id for r in ordered] == more[4:2:-1]
    rest = client.search_runs([experiment.experiment_id], order_by=["metrics.loss DESC"], max_results=2, page_token=ordered.token)
    assert [r.info.run_id for r in rest] == more[2:0:-1]
    return {}


def go_on(run):
    """mlflow.start_run on a run that has ended."""
    with mlflow.start_run(run_id=run):
        mlflow.log_metrics({"later": 1.0}, step=3)
    assert client.get_run(run).data.metrics["later"] == 1.0
    return {}


def acknowledged(experiment):
    """Logs until the server is killed; prints each step once it has been acknowledged."""
    run = client.create_run(experiment).info.run_id
    print(run, flush=True)
    step = 0
    while True:
        client.log_batch(run, metrics(step, 50))
        step += 50
        print(step, flush=True)


def count(run):
    history = client.get_metric_history(run, "loss")
    steps = [m.step for m in history]
    assert steps == list(range(len(steps))), "each once, and none is missing"
    return {"points": len(steps)}


def ours(job, experiment):
    """A job that normlab trained."""
    [run] = client.search_runs([experiment], f"attributes.run_id = '{job}' and params.seed = '5' and status = 'FINISHED'")
    series = {name: [(m.step, m.value) for m in client.get_metric_history(job, name)] for name in run.data.metrics}
    try:
        client.log_metric(job, "x", 1)
        raise AssertionError("a job of normlab's own took a metric")
    except MlflowException as error:
        assert error.error_code == "INVALID_PARAMETER_VALUE", error
    return {"params": run.data.params, "tags": run.data.tags, "series": series}


if __name__ == "__main__":
    print(json.dumps(globals()[sys.argv[1]](*sys.argv[2:])))
