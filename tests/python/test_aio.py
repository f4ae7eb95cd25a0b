import asyncio
import inspect

import pytest

import normlab
from conftest import ENDLESS, PEN
from normlab import AsyncClient, Client, JobState


def run(steps):
    return asyncio.run(steps())


def test_it_has_every_method_of_the_other_with_the_same_arguments():
    def public(kind):
        return {name: method for name, method in vars(kind).items() if not name.startswith("_") and inspect.isfunction(method)}

    assert list(public(Client)).sort() == list(public(AsyncClient)).sort()
    for name, method in public(Client).items():
        other = public(AsyncClient)[name]
        assert inspect.signature(other).parameters == inspect.signature(method).parameters, name
        assert other.__doc__ == method.__doc__ or name == "close"
        assert inspect.iscoroutinefunction(other) != name.startswith("watch")
    assert inspect.signature(Client.__init__).parameters == inspect.signature(AsyncClient.__init__).parameters


def test_submit_wait_read(home):
    async def steps():
        async with AsyncClient(slots=2) as client:
            assert client.started
            jobs = await client.submit("handwriting", updates=4, evaluation_interval=2, seeds="1-2", **PEN)
            seen = []
            await client.wait(jobs, progress=seen.append)
            assert seen[-1].ended == 2
            curves = await asyncio.gather(*[client.curve(job, "train/batch_nll") for job in jobs])
            assert [len(curve) for curve in curves] == [4, 4]
            assert (await client.weights(jobs[0]))["output.weight"].shape == (121, 48)
            table = await client.table("layer-norm-2016", "mnist", budget="smoke")
            assert set(table.verdicts["verdict"]) == {"NOT_RUN"}
            path = await client.export_bundle(jobs, home / "runs.zip", files=True)
            assert list((await client.import_bundle(path))["reused"]) == [True, True]

    run(steps)


def test_curves_of_many_jobs(home, caplog):
    async def steps():
        async with AsyncClient(slots=2) as client:
            jobs = await client.submit("handwriting", norm=["none", "layer"], updates=4, evaluation_interval=2, seeds="1-8", **PEN)
            await client.wait(jobs, progress=False)
            frame = await client.curves(jobs)
            assert list(frame["job_id"].unique()) == jobs.ids
            with Client(start=False) as other:
                assert frame.equals(other.curves(jobs)) and (await client.plot_curves(jobs)).equals(other.plot_curves(jobs))
                assert (await client.compare(jobs)).cells.equals(other.compare(jobs).cells)
            with pytest.raises(normlab.NotFound, match="j99"):
                await client.curves(["j99", *jobs])
            assert (await client.curves(jobs)).equals(frame), "the calls behind it were ended"

    run(steps)
    assert not caplog.records


def test_watching_side_by_side(home):
    async def steps():
        async with AsyncClient(slots=2) as client:
            jobs = await client.submit("handwriting", updates=20, evaluation_interval=5, seeds="1-2", **PEN)

            async def states(job):
                return [one.state async for one in client.watch(job)][-1]

            async def points(job):
                return sum([len(frame) async for frame in client.watch_curves(job)])

            ended = await asyncio.gather(*map(states, jobs), *map(points, jobs))
            assert ended[:2] == [JobState.SUCCEEDED] * 2
            assert ended[2:] == [len(await client.curves(job)) for job in jobs]

    run(steps)


def test_a_task_that_is_cancelled_ends_its_call(home):
    async def steps():
        async with AsyncClient(slots=1) as client:
            (job,) = await client.submit("handwriting", **ENDLESS)
            for _ in range(80):  # more than the server's streams
                begun = asyncio.Event()
                waiting = asyncio.create_task(client.wait(job, progress=lambda _, begun=begun: begun.set()))
                await begun.wait()
                waiting.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await waiting
            async for _ in client.watch(job):
                break
            with pytest.raises(TimeoutError):
                await client.wait(job, timeout=0.1, progress=False)
            await client.cancel(job)
            assert (await client.wait(job, check=False, progress=False))[0].state is JobState.CANCELLED

    run(steps)


def test_errors_and_what_is_not_open(home):
    async def steps():
        client = AsyncClient(slots=1)
        with pytest.raises(RuntimeError, match="not open"):
            await client.jobs()
        await client
        with pytest.raises(normlab.InvalidArgument, match="did you mean"):
            await client.submit("invariance", nrm="layer")
        with pytest.raises(normlab.NotFound):
            await client.job("j9")
        await client.close()
        await client.close()
        async with AsyncClient(start=False) as other:
            with pytest.raises(normlab.Unavailable, match="normlab up"):
                await other.jobs()

    run(steps)
