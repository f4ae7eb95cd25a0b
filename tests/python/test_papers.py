import base64
import json
import re

import pytest

import normlab
from conftest import PEN

PAPER = "layer-norm-2016"


@pytest.fixture
def reproduced(client):
    seen = []
    result = client.reproduce(PAPER, "scale_identities", budget="smoke", progress=seen.append)
    assert seen[-1].ended == seen[-1].jobs == len(result.jobs)
    return result


def test_papers_are_listed(client):
    papers = client.papers().set_index("item_id")
    assert papers.loc["mnist", "place"] == "Figure 6" and "smoke" in papers.loc["mnist", "budgets"]
    assert (papers["not_run"] == "").all()


def test_a_plan_says_what_runs_and_how_likely_it_decides(client):
    plan = client.plan(PAPER, "mnist", budget="quick", seeds=4, power=True)
    assert plan.items == ["mnist"] and set(plan.runs["seed"]) == {1, 2, 3, 4} and not plan.not_run
    assert plan.core_seconds > 0 and (plan.runs["state"] == "").all()
    assert plan.power["decides"].between(0, 1).all() and set(plan.power["item_id"]) == {"mnist"}
    assert "core seconds" in plan._repr_html_()
    assert client.plan(PAPER, "mnist", budget="smoke").power.empty
    with pytest.raises(normlab.NotFound, match="no item 'minst'"):
        client.plan(PAPER, "minst")
    with pytest.raises(normlab.NormlabError, match="budget"):
        client.plan(PAPER, "mnist", budget="huge")


def test_a_reproduction_is_run_and_judged(client, reproduced):
    table = reproduced.tables["scale_identities"]
    verdicts = reproduced.verdicts.set_index("claim_id")
    assert verdicts.loc["curvature-layer-vector", "verdict"] == "DIFFERENT" and len(verdicts) == len(table.verdicts)
    assert (verdicts["verdict"] == "REPRODUCED").sum() == len(verdicts) - 1
    assert {"estimate", "lo", "hi", "p_holm", "n", "reason"} <= set(verdicts.columns)
    assert set(table.cells["arm_id"]) >= {"layer", "batch"} and table.cells["mean"].notna().any()
    assert table._repr_mimebundle_()["text/markdown"] == str(table) and "curvature" in str(table)
    assert reproduced.figures == {} and not reproduced.jobs[0].reused
    again = client.reproduce(PAPER, "scale_identities", budget="smoke", progress=False)
    assert all(job.reused for job in again.jobs) and again.jobs.ids == reproduced.jobs.ids
    plan = client.plan(PAPER, "scale_identities", budget="smoke")
    assert set(plan.runs["job_id"]) == set(reproduced.jobs.ids) and plan.core_seconds == 0


def test_verdicts_of_several_items(client, reproduced):
    verdicts = client.verdicts(PAPER, ["scale_identities", "mnist"], budget="smoke")
    assert list(dict.fromkeys(verdicts["item_id"])) == ["scale_identities", "mnist"]
    assert set(verdicts[verdicts["item_id"] == "mnist"]["verdict"]) == {"NOT_RUN"}
    papers = client.papers()
    assert set(client.verdicts(PAPER, budget="smoke")["item_id"]) == set(papers[papers["paper_id"] == PAPER]["item_id"])


@pytest.mark.parametrize("form, begins", [("terminal", "Scale"), ("latex", "%"), ("csv", ""), ("json", "{"), ("html", "<!")])
def test_tables_in_every_format(client, form, begins):
    table = client.table(PAPER, "scale_identities", budget="smoke", format=form)
    assert table.text and (form in ("terminal", "latex", "csv") or table.text.startswith(begins))
    assert (table.verdicts["verdict"] == "NOT_RUN").all()


def test_figures(client, tmp_path):
    figure = client.figure(PAPER, "mnist", budget="smoke")
    assert re.match(r"<(\?xml|svg)", figure._repr_mimebundle_()["image/svg+xml"])
    assert figure.save(tmp_path / "f.svg").read_bytes() == figure.content
    png = client.figure(PAPER, "mnist", budget="smoke", format="png")
    assert base64.b64decode(png._repr_mimebundle_()["image/png"]) == png.content and png.content.startswith(b"\x89PNG")
    curves = client.figure_curves(PAPER, "mnist", budget="smoke")
    assert set(curves["source"]) == {"PAPER"} and curves["x"].is_monotonic_increasing is not None
    assert curves[["x", "value"]].notna().all().all()
    with pytest.raises(normlab.NotFound):
        client.figure(PAPER, "scale_identities", budget="smoke")
    with pytest.raises(normlab.InvalidArgument, match="format is 'gif'; expected one of .*svg"):
        client.figure(PAPER, "mnist", format="gif")


def test_a_report(client):
    report = client.report(PAPER, "scale_identities", budget="smoke")
    assert report.media_type.startswith("text/html") and "text/html" in report._repr_mimebundle_()
    assert "scale" in client.report(PAPER, "scale_identities", budget="smoke", format="markdown").text.lower()


def test_a_paper_of_ones_own(client, tmp_path):
    manifest = tmp_path / "own.yaml"
    manifest.write_text("paper: own\nnonsense: 1\n")
    with pytest.raises(normlab.InvalidArgument, match="own.yaml|nonsense"):
        client.plan(manifest)
    for path, said in ((tmp_path / "none.yaml", "No such file"), (tmp_path, "Is a directory")):
        with pytest.raises(normlab.InvalidArgument, match=said):
            client.plan(path)
    manifest.write_bytes(b"\xff")
    with pytest.raises(normlab.InvalidArgument, match="paper "):
        client.plan(manifest)
    manifest.write_text("#" * (256 << 10) + "#")
    with pytest.raises(normlab.InvalidArgument, match="has more than 262144 bytes"):
        client.plan(manifest)


def test_a_plan_says_what_cannot_run(client, source, tmp_path):
    text = (source / "docs/examples/figure6.yaml").read_text()
    manifest = tmp_path / "own.yaml"
    manifest.write_text(text.replace("experiment: mnist_mlp", "experiment: unwritten"))
    plan = client.plan(manifest, budget="smoke")
    assert plan.items == [] and plan.runs.empty and "no experiment unwritten" in plan.not_run["mnist"]


def test_the_example_manifest(client, source):
    plan = client.plan(source / "docs/examples/batch-size.yaml", budget="smoke")
    assert len(plan.runs) > 0
    table = client.table(source / "docs/examples/batch-size.yaml", plan.items[0], budget="smoke")
    assert not table.verdicts.empty


def test_the_study_of_draws_settings(client, source):
    study = source / "results/studies/draw-settings.yaml"
    plan = client.plan(study, budget="screen")
    assert plan.items == ["settings"] and len(plan.runs) == plan.runs["arm"].nunique() == 13


def test_files_that_a_manifest_names_go_with_it(tmp_path):
    from normlab._paper_calls import paper_fields

    (tmp_path / "own.yaml").write_text("curve: named.csv\n")
    for name in ("named.csv", "other.csv"):
        (tmp_path / name).write_text("1,2\n")
    manifest = paper_fields(tmp_path / "own.yaml")["manifest"]
    assert manifest.file_name == "own.yaml" and dict(manifest.files) == {"named.csv": b"1,2\n"}


def test_jobs_side_by_side(client):
    jobs = client.submit("handwriting", norm=["none", "layer"], updates=8, evaluation_interval=2, seeds="1-3", **PEN)
    client.wait(jobs, progress=False)
    compared = client.compare(jobs, "test/nll")
    assert compared.arms == {"norm=none": jobs.ids[:3], "norm=layer": jobs.ids[3:]}
    none, layer = compared.cells.to_dict("records")
    means = client.curves(jobs, "test/nll").groupby("job_id")["value"].last()
    assert none["mean"] == pytest.approx(means[jobs.ids[:3]].mean()) and layer["mean"] == pytest.approx(means[jobs.ids[3:]].mean())
    assert layer["difference"] == pytest.approx(layer["mean"] - none["mean"]) and layer["pairs"] == 3
    assert layer["difference_lo"] < layer["difference"] < layer["difference_hi"]
    assert "norm=layer" in compared._repr_mimebundle_()["text/markdown"]
    assert b"<svg" in client.plot(jobs, "test/nll", log_y=True).content
    assert set(compared.cells["better"]) == {"lower"}
    assert set(client.compare(jobs, "test/nll", higher_is_better="test/nll").cells["better"]) == {"higher"}
    as_json = client.compare(jobs, ["test/nll"], format="json")
    assert json.loads(as_json.text)["arms"] and as_json.cells.equals(compared.cells)
    assert list(compared.runs["seed"]) == [1, 2, 3, 1, 2, 3] and set(compared.runs["state"]) == {"SUCCEEDED"}


def test_curves_of_a_plot(client):
    jobs = client.submit("handwriting", norm=["none", "layer"], updates=8, evaluation_interval=2, seeds="1-2", **PEN)
    again = client.wait([*jobs, *client.submit("handwriting", updates=8, evaluation_interval=2, rerun=True, **PEN)], progress=False)
    frame = client.plot_curves(again)
    drawn = json.loads(client.plot(again, format="json").text)["curves"]
    assert again[-1].job_id not in set(frame["job_id"]), "it repeats another"
    points = [
        (one["series"], one["arm"], one["job_id"], one["seed"], step, value)
        for one in drawn
        for step, value in zip(one["steps"], one["values"])
    ]
    assert list(frame.drop(columns="time").itertuples(index=False, name=None)) == points
    assert list(frame.columns) == ["series", "arm", "job_id", "seed", "step", "value", "time"] and frame["time"].notna().all()
    assert len(client.plot_curves(jobs, "train/batch_nll", max_points=4)) == 4 * len(jobs)
