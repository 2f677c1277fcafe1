"""Google Cloud's load balancing, DNS and metadata server, in memory and on the wire."""

from localcloud.gcp.cloud import GcpCloud
from localcloud.gcp.errors import GoogleError
from localcloud.gcp.metadata import serve_metadata
from localcloud.gcp.operations import OperationFault
from localcloud.gcp.server import Server, serve_gcp

__all__ = [
    "GcpCloud",
    "GoogleError",
    "OperationFault",
    "Server",
    "serve_gcp",
    "serve_metadata",
]
