"""What methods do, step by step and without a server: the other side is played by the test."""

import pytest

import normlab
from normlab import _address, _admin_calls, _calls, _job_calls, errors, papers
from normlab._proto import v1
from normlab._wire import Channel, Pause, Stream, Unary

AWAY = normlab.Unavailable("away")


def ended(steps, answer):
    with pytest.raises(StopIteration) as end:
        steps.send(answer)
    return end.value.value


def test_a_change_that_was_cut_off_is_sent_again_as_the_same_change():
    steps = _calls.cancel("j1")
    first = next(steps)
    assert isinstance(first, Unary) and len(first.request.request_id) == 36
    sent = first.request.request_id
    assert isinstance(steps.throw(AWAY), Pause)
    again = next(steps)
    assert again.method == "JobService.CancelJob" and again.request.request_id == sent
    assert ended(steps, v1.CancelJobResponse(job={"job_id": "j1", "state": 6})).ids == ["j1"]
    assert next(_calls.cancel("j1")).request.request_id != sent


def test_a_change_is_given_up_after_three_times_and_at_once_for_other_reasons():
    steps = _calls.delete("j1")
    next(steps)
    for _ in range(2):
        steps.throw(AWAY)
        next(steps)
    with pytest.raises(normlab.Unavailable):
        steps.throw(AWAY)
    steps = _calls.delete("j1")
    next(steps)
    with pytest.raises(normlab.FailedPrecondition):
        steps.throw(normlab.FailedPrecondition("it runs"))


def test_a_call_names_a_thousand_jobs_at_most_and_is_sent_again_like_any_change():
    chosen = _job_calls.filters([f"j{n}" for n in range(2500)] + ["j0"], "failed", "", None)
    assert [len(one.job_ids) for one in chosen] == [1000, 1000, 500] and all(list(one.states) == [5] for one in chosen)
    steps = _job_calls.delete_many(chosen[:2], dry_run=False)
    sent = next(steps).request.SerializeToString()
    assert isinstance(steps.throw(AWAY), Pause)
    again = next(steps)
    assert again.request.SerializeToString() == sent and again.method == "JobService.DeleteJobs"
    left = [{"job_id": "j1", "code": 9, "reason": "it runs"}]
    following = steps.send(v1.DeleteJobsResponse(jobs=[{"job_id": "j0"}], not_changed=left))
    assert following.request.filter.job_ids[0] == "j1000" and following.request.request_id not in sent.decode("latin-1")
    changed = ended(steps, v1.DeleteJobsResponse(jobs=[{"job_id": "j1000"}]))
    assert changed.ids == ["j0", "j1000"] and changed.not_changed["code"].item() == "FAILED_PRECONDITION"


def test_draining_is_waited_for_until_no_job_is_under_way():
    steps = _admin_calls.drain(off=False, wait=True)
    next(steps)
    assert isinstance(steps.send(v1.DrainResponse(working=1)), Pause)
    assert next(steps).method == "AdminService.Drain"
    assert ended(steps, v1.DrainResponse()) == 0
    steps = _admin_calls.drain(off=False, wait=False)
    next(steps)
    assert ended(steps, v1.DrainResponse(working=1)) == 1


def test_what_is_done_without_its_last_word_is_no_result():
    steps = _admin_calls.backup(0, None)
    next(steps).each(v1.CreateBackupResponse(progress={"done": 1, "total": 2}))
    with pytest.raises(normlab.DataLoss):
        steps.send(None)


def watched(**jobs):
    numbered = enumerate(jobs.items(), 1)
    return v1.WatchJobsResponse(jobs=[{"job_id": job_id, "state": state, "revision": 10 * n} for n, (job_id, state) in numbered])


def test_waiting_goes_on_after_the_last_change_it_saw():
    shown = []
    steps = _calls.wait(["j1", "j2", "j1"], shown.append, None, check=True)
    step = next(steps)
    assert list(step.request.job_ids) == ["j1", "j2"] and step.request.after_revision == 0 and step.seconds is None
    step.each(watched(j1=4, j2=2))
    assert isinstance(steps.throw(AWAY), Pause) and not shown[-1].connected
    step = next(steps)
    assert isinstance(step, Stream) and step.request.after_revision == 20
    assert isinstance(steps.send(None), Pause), "the server may end a stream early"
    step = next(steps)
    step.each(watched(j2=7))
    assert shown[-1].ended == 2
    assert [job.state.value for job in ended(steps, None)] == ["SUCCEEDED", "DIVERGED", "SUCCEEDED"]


def test_waiting_for_what_failed():
    steps = _calls.wait(["j1", "j2"], False, None, check=True)
    next(steps).each(watched(j1=5, j2=6))
    with pytest.raises(normlab.JobFailed, match="2 of 2 jobs did not finish, the first: j1 FAILED"):
        steps.send(None)


def file(*parts):
    steps = _calls.artifact("j1", "x")
    step = next(steps)
    for part in parts:
        step.each(v1.ReadArtifactResponse(**part))
    return steps


HEADER = {"header": {"artifact": {"name": "x", "size": 4}}}


def test_a_file_is_what_was_announced():
    assert ended(file(HEADER, {"data": b"ab"}, {"data": b"cd"}), None) == b"abcd"
    for parts in ([HEADER, {"data": b"abc"}], [HEADER, {"data": b"abcde"}], [{"data": b"abcd"}], []):
        with pytest.raises(normlab.DataLoss, match="x of j1 arrived damaged"):
            file(*parts).send(None)


def test_what_the_server_cannot_say_of_a_wrong_submit_hides_nothing():
    steps = _calls.submit("invariance", {"norm": "layr"}, None, 0, None, False, False, False)
    step = next(steps)
    assert step.request.validate_only and len(step.request.requests) == 1, "nothing of it is queued"
    with pytest.raises(normlab.InvalidArgument, match="^norm is layr") as refused:
        steps.throw(errors.FailedPrecondition("no data"))
    assert len(refused.value.violations) == 1


def test_a_clients_timeout_takes_the_place_of_every_deadline():
    endpoint = _address.Endpoint("", "/nowhere")
    for timeout, unary, stream in ((None, 10.0, 60.0), (0.5, 0.5, 0.5)):
        channel = Channel(endpoint, timeout)
        assert channel._seconds(Unary("", None)) == unary
        assert channel._seconds(Stream("", None, list.append)) == stream
        assert channel._seconds(Stream("", None, list.append, None)) is None, "a watch has none"
        channel.close()


def test_verdicts_and_cells_are_rows():
    claim = v1.ClaimVerdict(claim_id="c", verdict=3, tier=1, effect=2, estimate=0.5, interval={"lo": 0.25, "hi": 1}, p=0.125, n=6)
    verdicts = papers.verdicts_frame([claim, v1.ClaimVerdict(claim_id="d", verdict=6)])
    first, second = verdicts.to_dict("records")
    assert (first["verdict"], first["tier"], first["effect"], first["n"]) == ("DIFFERENT", "EXACT", "DIFFERENCE", 6)
    assert (first["estimate"], first["lo"], first["hi"], first["p"]) == (0.5, 0.25, 1, 0.125)
    assert second["verdict"] == "NOT_RUN" and verdicts.loc[1, ["estimate", "lo", "hi", "paper", "p"]].isna().all()
    cell = v1.TableCell(arm_id="a", mean=0, values=[1, 3], interval={"lo": -1, "hi": 1}, paper={"lo": 2, "hi": 4})
    (row,) = papers.cells_frame([cell]).to_dict("records")
    assert [row[name] for name in ("mean", "lo", "hi", "paper_lo", "paper_hi", "values")] == [0, -1, 1, 2, 4, [1, 3]]


def test_what_a_newer_server_says_is_no_error():
    job = normlab.Job.of(v1.Job(job_id="j1", state=99, spec={"invariance": {"norm": 77}}))
    assert job.state is normlab.JobState.UNSPECIFIED and job.config == {"norm": "77"} and not job.ended
