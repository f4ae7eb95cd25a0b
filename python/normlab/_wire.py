"""How calls are made. What a method of the clients does stands once, as a generator of steps (normlab/_calls.py) that knows no
sockets; Channel carries such steps out over gRPC, AsyncChannel over grpc.aio.

A step that fails raises its NormlabError where the generator waits for it.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import os
import time
from collections.abc import AsyncIterator, Callable, Generator, Iterable, Iterator
from typing import Any, Generic, Protocol, TypeVar

import grpc
import grpc.aio

from normlab import _address, errors
from normlab._proto import method as find_method

T = TypeVar("T")

READ_AHEAD = 1 << 20
_OPTIONS = [
    ("grpc.enable_http_proxy", 0),
    # Left alone, gRPC measures the line and lets up to 16 MiB wait for a slow reader.
    ("grpc.http2.bdp_probe", 0),
    ("grpc.http2.lookahead_bytes", READ_AHEAD),
    ("grpc.max_receive_message_length", 64 << 20),
    # A server that comes up should be found at once.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1000),
    ("grpc.use_local_subchannel_pool", 1),
]


@dataclasses.dataclass(frozen=True)
class Unary:
    """Gives the answer."""

    method: str
    request: Any
    seconds: float = 10.0


@dataclasses.dataclass(frozen=True)
class Stream:
    """Calls `each` for every message. It has ended when the server has, or when `each` returned False, which cancels it."""

    method: str
    request: Any
    each: Callable[[Any], object]
    seconds: float | None = 60.0  # None: as long as it takes


@dataclasses.dataclass(frozen=True)
class Upload:
    """Sends messages until there are none or the server wants no more. Gives the answer. What making them raises ends the call."""

    method: str
    requests: Iterable[Any]


@dataclasses.dataclass(frozen=True)
class Begin:
    """Sends a call and gives it, so that others can be made before its end. It ends with a Finish, or by its cancel()."""

    step: Unary | Stream


@dataclasses.dataclass(frozen=True)
class Finish:
    """Gives what the step gives."""

    step: Unary | Stream
    call: Any


@dataclasses.dataclass(frozen=True)
class Pause:
    seconds: float


Step = Unary | Stream | Upload | Begin | Finish | Pause
Steps = Generator[Step, Any, T]


class Following(Protocol[T]):
    """A stream that is opened again where it broke off, see follow(). `step` is what to ask for now."""

    def step(self) -> Stream: ...

    def take(self, message: Any) -> list[T]: ...

    def closed(self) -> None: ...  # by the server, without an error

    @property
    def done(self) -> bool: ...


class Patience:
    """With a server that is away: `lost` raises the error once it has been for too long."""

    PAUSE = 0.5

    def __init__(self, seconds: float = 60.0) -> None:
        self._seconds = seconds
        self._since: float | None = None

    def met(self) -> None:
        self._since = None

    def lost(self, error: errors.NormlabError) -> None:
        now = time.monotonic()
        self._since = self._since if self._since is not None else now
        if not isinstance(error, errors.Unavailable) or now - self._since >= self._seconds:
            raise error


class _Base:
    """What both kinds of channel share."""

    def __init__(self, endpoint: _address.Endpoint, timeout: float | None) -> None:
        self.endpoint = endpoint
        self._timeout = timeout
        self._pid = os.getpid()

    def _seconds(self, step: Unary | Stream) -> float | None:
        return step.seconds if step.seconds is None or self._timeout is None else self._timeout

    def _check(self) -> None:
        if os.getpid() != self._pid:
            raise RuntimeError("this client was made before a fork, which gRPC does not survive; make a Client in this process")

    def explain(self, error: Any) -> errors.NormlabError:
        """Blocks for seconds if a server on another machine does not answer."""
        code, details = error.code().name, error.details() or ""
        if code == "UNAVAILABLE":
            return _address.explain(self.endpoint, details)
        if code == "DEADLINE_EXCEEDED":
            details = f"the server at {self.endpoint.name} did not answer in time; it may be overloaded, try again"
        elif code == "UNAUTHENTICATED":
            details = f"the server at {self.endpoint.name} wants its token: give token_file ({details})"
        elif code == "PERMISSION_DENIED":
            details = f"the server at {self.endpoint.name} refuses this: {details}"
        elif code == "UNIMPLEMENTED":
            details = f"the server at {self.endpoint.name} does not know this call; is it an older version?"
        return errors.of_rpc(code, details, error.trailing_metadata() or ())


class _Stubs(Generic[T]):
    """The callables of a channel, made once each. Any thread: two that meet make the same one twice."""

    def __init__(self, channel: Any) -> None:
        self._channel = channel
        self._made: dict[str, Any] = {}

    def of(self, name: str, kind: str) -> Any:
        if name not in self._made:
            path, answer = find_method(name)
            make = getattr(self._channel, kind)
            self._made[name] = make(path, request_serializer=_serialize, response_deserializer=answer.FromString)
        return self._made[name]


def _serialize(message: Any) -> bytes:
    return bytes(message.SerializeToString())


class Channel(_Base):
    """Any thread. A fork ends its use in the child."""

    def __init__(self, endpoint: _address.Endpoint, timeout: float | None = None) -> None:
        super().__init__(endpoint, timeout)
        if endpoint.identity is None:
            self._channel = grpc.insecure_channel(endpoint.target, options=_OPTIONS)
        else:
            self._channel = grpc.secure_channel(endpoint.target, endpoint.identity.credentials(), options=_OPTIONS)
        self._stubs: _Stubs[Any] = _Stubs(self._channel)

    def run(self, steps: Steps[T]) -> T:
        self._check()
        try:
            step = next(steps)
            while True:
                try:
                    answer = self._perform(step)
                except errors.NormlabError as error:
                    step = steps.throw(error)
                else:
                    step = steps.send(answer)
        except StopIteration as end:
            result: T = end.value
            return result
        finally:
            steps.close()

    def follow(self, following: Following[T], patience: Patience) -> Iterator[T]:
        self._check()
        while not following.done:
            try:
                with self._ending(self._begin(following.step())) as call:
                    for message in call:
                        patience.met()
                        yield from following.take(message)
                following.closed()
            except errors.NormlabError as error:
                patience.lost(error)
            if not following.done:
                time.sleep(Patience.PAUSE)

    def _begin(self, step: Unary | Stream) -> Any:
        if isinstance(step, Stream):
            start = self._stubs.of(step.method, "unary_stream")
        else:
            start = self._stubs.of(step.method, "unary_unary").future
        return start(step.request, timeout=self._seconds(step), metadata=self.endpoint.metadata)

    @contextlib.contextmanager
    def _ending(self, call: Any) -> Iterator[Any]:
        try:
            yield call
        except grpc.RpcError as error:
            raise self.explain(error) from None
        finally:
            call.cancel()  # nothing if it has ended

    def _finish(self, step: Unary | Stream, call: Any) -> Any:
        with self._ending(call):
            if isinstance(step, Unary):
                return call.result()
            for message in call:
                if step.each(message) is False:
                    break
        return None

    def _perform(self, step: Step) -> Any:
        if isinstance(step, Pause):
            time.sleep(step.seconds)
            return None
        if isinstance(step, Begin):
            return self._begin(step.step)
        if isinstance(step, Finish):
            return self._finish(step.step, step.call)
        if isinstance(step, Stream):
            return self._finish(step, self._begin(step))
        if isinstance(step, Upload):
            return self._upload(step)
        try:
            stub = self._stubs.of(step.method, "unary_unary")
            return stub(step.request, timeout=self._seconds(step), metadata=self.endpoint.metadata)
        except grpc.RpcError as error:
            raise self.explain(error) from None

    def _upload(self, step: Upload) -> Any:
        failed: list[BaseException] = []

        def requests() -> Iterator[Any]:  # on a thread of gRPC's, which would keep what it raises to itself
            try:
                yield from step.requests
            except BaseException as error:
                failed.append(error)
                raise

        try:
            stub = self._stubs.of(step.method, "stream_unary")
            return stub(requests(), metadata=self.endpoint.metadata)
        except grpc.RpcError as error:
            if failed:
                raise failed[0] from None
            raise self.explain(error) from None

    def close(self) -> None:
        if os.getpid() == self._pid:
            self._channel.close()


class AsyncChannel(_Base):
    """Of the event loop that runs when it is made."""

    def __init__(self, endpoint: _address.Endpoint, timeout: float | None = None) -> None:
        super().__init__(endpoint, timeout)
        if endpoint.identity is None:
            self._channel = grpc.aio.insecure_channel(endpoint.target, options=_OPTIONS)
        else:
            self._channel = grpc.aio.secure_channel(endpoint.target, endpoint.identity.credentials(), options=_OPTIONS)
        self._stubs: _Stubs[Any] = _Stubs(self._channel)

    async def run(self, steps: Steps[T]) -> T:
        self._check()
        try:
            step = next(steps)
            while True:
                try:
                    answer = await self._perform(step)
                except errors.NormlabError as error:
                    step = steps.throw(error)
                else:
                    step = steps.send(answer)
        except StopIteration as end:
            result: T = end.value
            return result
        finally:
            steps.close()

    async def follow(self, following: Following[T], patience: Patience) -> AsyncIterator[T]:
        self._check()
        while not following.done:
            try:
                async with self._ending(self._begin(following.step())) as call:
                    async for message in call:
                        patience.met()
                        for item in following.take(message):
                            yield item
                following.closed()
            except errors.NormlabError as error:
                patience.lost(error)
            if not following.done:
                await asyncio.sleep(Patience.PAUSE)

    def _begin(self, step: Unary | Stream) -> Any:
        start = self._stubs.of(step.method, "unary_stream" if isinstance(step, Stream) else "unary_unary")
        return start(step.request, timeout=self._seconds(step), metadata=self.endpoint.metadata)

    @contextlib.asynccontextmanager
    async def _ending(self, call: Any) -> AsyncIterator[Any]:
        try:
            yield call
        except grpc.aio.AioRpcError as error:
            raise await asyncio.to_thread(self.explain, error) from None
        finally:
            call.cancel()

    async def _finish(self, step: Unary | Stream, call: Any) -> Any:
        async with self._ending(call):
            if isinstance(step, Unary):
                return await call
            async for message in call:
                if step.each(message) is False:
                    break
        return None

    async def _perform(self, step: Step) -> Any:
        if isinstance(step, Pause):
            return await asyncio.sleep(step.seconds)
        if isinstance(step, Upload):
            return await self._upload(step)
        if isinstance(step, Begin):
            return self._begin(step.step)
        if isinstance(step, Finish):
            return await self._finish(step.step, step.call)
        return await self._finish(step, self._begin(step))

    async def _upload(self, step: Upload) -> Any:
        call = self._stubs.of(step.method, "stream_unary")(metadata=self.endpoint.metadata)
        try:
            try:
                for request in step.requests:
                    await call.write(request)
                await call.done_writing()
            except asyncio.InvalidStateError:
                pass  # the server wants no more: it has answered, or refused
            return await call
        except grpc.aio.AioRpcError as error:
            raise await asyncio.to_thread(self.explain, error) from None
        finally:
            call.cancel()

    async def close(self) -> None:
        await self._channel.close()
