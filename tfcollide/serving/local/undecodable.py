"""Requests that are no message of the method: INTERNAL, as gRPC's C++ servers say, and no traceback."""

from collections.abc import Awaitable, Callable
from typing import Any

import grpc
from google.protobuf.message import DecodeError

__all__ = ["AnswerUndecodable"]


class AnswerUndecodable(grpc.aio.ServerInterceptor):
    """Lets requests that cannot be decoded through to a handler that refuses them."""

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler:
        """The method's handler; one that takes a single message gets a decoder that cannot fail."""
        handler = await continuation(handler_call_details)
        if handler is None or not handler.unary_unary:
            return handler

        def decode(data: bytes) -> Any:
            try:
                return handler.request_deserializer(data)
            except DecodeError as error:
                return error

        async def answer(request: object, context: grpc.aio.ServicerContext) -> Any:
            if isinstance(request, DecodeError):
                await context.abort(grpc.StatusCode.INTERNAL, f"The request cannot be decoded: {request}")
            return await handler.unary_unary(request, context)

        return grpc.unary_unary_rpc_method_handler(answer, decode, handler.response_serializer)
