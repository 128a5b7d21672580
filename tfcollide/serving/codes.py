"""Errors with the codes that gRPC and TF Serving share, and what they are over HTTP."""

import enum

__all__ = ["Code", "ServingError"]


class Code(enum.IntEnum):
    """gRPC's status codes."""

    CANCELLED = 1
    UNKNOWN = 2
    INVALID_ARGUMENT = 3
    DEADLINE_EXCEEDED = 4
    NOT_FOUND = 5
    PERMISSION_DENIED = 7
    RESOURCE_EXHAUSTED = 8
    FAILED_PRECONDITION = 9
    ABORTED = 10
    OUT_OF_RANGE = 11
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAVAILABLE = 14
    DATA_LOSS = 15
    UNAUTHENTICATED = 16

    @property
    def http(self) -> int:
        """The HTTP status that TF Serving gives it."""
        return _HTTP.get(self, 500)

    @classmethod
    def of_http(cls, status: int) -> "Code":
        """The code that an HTTP status stands for."""
        known = {413: cls.RESOURCE_EXHAUSTED} | {http: code for code, http in reversed(_HTTP.items())}
        return known.get(status, cls.INVALID_ARGUMENT if 400 <= status < 500 else cls.UNKNOWN)


_HTTP = {
    Code.INVALID_ARGUMENT: 400,
    Code.FAILED_PRECONDITION: 400,
    Code.OUT_OF_RANGE: 400,
    Code.UNAUTHENTICATED: 401,
    Code.PERMISSION_DENIED: 403,
    Code.NOT_FOUND: 404,
    Code.ABORTED: 409,
    Code.RESOURCE_EXHAUSTED: 429,
    Code.CANCELLED: 499,
    Code.UNIMPLEMENTED: 501,
    Code.UNAVAILABLE: 503,
    Code.DEADLINE_EXCEEDED: 504,
}


class ServingError(Exception):
    """A request that a server refuses, or that did not reach one.

    Args:
        code: gRPC's.
        message: what was received and what was expected.
    """

    def __init__(self, code: Code, message: str):
        super().__init__(message)
        self.code = code
        self.message = message

    def __reduce__(self) -> tuple[type["ServingError"], tuple[Code, str]]:
        """So that it can come from another process."""
        return ServingError, (self.code, self.message)
