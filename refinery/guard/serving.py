"""The guard on Ray Serve: replicas behind its proxies; of more than one, an actor holds the breaker for all."""

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import ray
from ray import serve
from ray.exceptions import RayActorError
from ray.serve.config import DeploymentActorConfig, HTTPOptions
from ray.serve.schema import LoggingConfig

from refinery.errors import RefineryError, StorageError
from refinery.guard.guard import Guard, Here
from refinery.guard.http import Application
from refinery.guard.metrics import Metrics
from refinery.guard.rules import Rules
from refinery.guard.settings import Settings
from refinery.inspection.breaker import Scope, View
from refinery.inspection.breaker_keeper import Found, Keeper, Request, Standing
from refinery.storage.journal import Journal

KEEPER: Final = "keeper"
JOURNAL: Final = "journal"
_LOG: Final = logging.getLogger("refinery.guard")
_SYNC_SECONDS: Final = 1.0
_ONGOING: Final = 64
_QUEUED: Final = 1024
_REQUEST_SECONDS: Final = 60.0
_PATIENCE: Final = 15.0
_AGAIN: Final = 0.1


def _every(seconds: float, do: Callable[[], None]) -> None:
    """Does it again and again in a thread of its own; what breaks is logged, and tried again."""

    def work() -> None:
        while True:
            time.sleep(seconds)
            try:
                do()
            except (RefineryError, OSError) as error:
                _LOG.error("%s", error)

    threading.Thread(target=work, daemon=True).start()


def _keeper(settings: Settings) -> Here:
    keeper = Keeper(settings.breaker, Journal(Path(settings.state) / JOURNAL))
    _every(_SYNC_SECONDS, keeper.sync)
    return Here(keeper)


@ray.remote(num_cpus=0)
class KeeperActor:
    """The breaker, for all replicas. Started again by Serve where it died; its journal is its memory."""

    def __init__(self, settings: Settings) -> None:
        self._keeping = _keeper(settings)

    async def ask(self, method: str, *arguments: Any) -> tuple[Any, str | None]:  # noqa: ANN401
        """What a method of `Keeping` gives, or why it cannot (Ray would wrap an error beyond recognition)."""
        try:
            return await getattr(self._keeping, method)(*arguments), None
        except StorageError as error:
            return None, str(error)


class There:
    """The breaker in the deployment's actor; asked again, for a while, where the actor died."""

    def __init__(self) -> None:
        self._actor: Any = None

    async def look(self, request: Request) -> Standing:
        """How things stand; nothing is counted."""
        standing: Standing = await self._ask("look", request)
        return standing

    async def turn(self, request: Request, found: list[Found], version: str) -> Standing:
        """Writes down and counts an inspected turn; twice, where the actor died between writing and answering."""
        standing: Standing = await self._ask("turn", request, found, version)
        return standing

    async def failed(self, request: Request, why: str) -> Standing:
        """Writes down and counts a turn that could not be inspected."""
        standing: Standing = await self._ask("failed", request, why)
        return standing

    async def tripped(self) -> list[tuple[Scope, View]]:
        """Every circuit that is not closed."""
        tripped: list[tuple[Scope, View]] = await self._ask("tripped")
        return tripped

    async def _ask(self, method: str, *arguments: object) -> Any:  # noqa: ANN401
        until = time.monotonic() + _PATIENCE
        while time.monotonic() < until:
            try:
                self._actor = self._actor or serve.get_deployment_actor(KEEPER)
                answer, refused = await self._actor.ask.remote(method, *arguments)
            except (RayActorError, ValueError):
                self._actor = None
                await asyncio.sleep(_AGAIN)
                continue
            if refused is not None:
                raise StorageError(refused)
            return answer
        raise StorageError(f"the breaker's actor did not answer for {_PATIENCE:g} seconds; see Serve's log of its node")


class Replica:
    """One process that answers requests."""

    def __init__(self, settings: Settings) -> None:
        keeping = _keeper(settings) if settings.replicas == 1 else There()
        metrics = Metrics(serve.get_replica_context().replica_id.unique_id)
        self._guard = Guard(settings, Rules(Path(settings.rules), Path(settings.state)), keeping, metrics)
        _every(settings.reload_seconds, self._guard.reload)

    def __serve_build_asgi_app__(self) -> Application:  # noqa: PLW3201 (Serve's name)
        """Asked for by Serve once the replica stands."""
        return Application(self._guard)


def application(settings: Settings) -> serve.Application:
    """What `serve.run` takes."""
    shared = DeploymentActorConfig(name=KEEPER, actor_class=KeeperActor, init_args=(settings,))
    deployed = serve.deployment(
        name="guard",
        num_replicas=settings.replicas,
        max_ongoing_requests=_ONGOING,
        max_queued_requests=_QUEUED,
        max_constructor_retry_count=3,
        logging_config=LoggingConfig(enable_access_log=False),
        deployment_actors=[shared] if settings.replicas > 1 else [],
    )
    bound: serve.Application = deployed(serve.ingress()(Replica)).bind(settings)
    return bound


def start(settings: Settings) -> str:
    """Starts or replaces the service on the cluster that this process is connected to; its URL."""
    options = HTTPOptions(host=settings.host, port=settings.port, request_timeout_s=_REQUEST_SECONDS)
    serve.start(http_options=options, logging_config=LoggingConfig(enable_access_log=False))
    serve.run(application(settings), name="guard", route_prefix="/")
    return f"http://{settings.host}:{settings.port}"


def stop() -> None:
    """Takes down the service, after what it is answering."""
    serve.shutdown()  # type: ignore[no-untyped-call]
    ray.shutdown()
