"""Optuna's gRPC client, which would wait for ever on a host that has gone without a word."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import grpc
from optuna.storages import GrpcStorageProxy
from optuna.storages._grpc.auto_generated.api_pb2_grpc import StorageServiceStub
from optuna.storages._grpc.client import GrpcClientCache

ANSWER_S = 60.0
"""How long one question may take; reading a study of thousands of trials takes a few seconds."""


class Proxy(GrpcStorageProxy):
    """The client, every question of which fails with `DEADLINE_EXCEEDED` when it is not answered in time."""

    def _setup(self) -> None:
        super()._setup()
        self._channel = grpc.intercept_channel(self._channel, _InTime())
        self._stub = StorageServiceStub(self._channel)  # type: ignore[no-untyped-call]
        self._cache = GrpcClientCache(self._stub)


class _InTime(grpc.UnaryUnaryClientInterceptor):  # type: ignore[misc]
    """Gives each call a deadline."""

    def intercept_unary_unary(self, continuation: Callable[..., Any], details: Any, request: Any) -> Any:
        """The call as it was meant, with a deadline."""
        return continuation(details._replace(timeout=ANSWER_S), request)
