"""Cloud Pub/Sub on loopback: topics, push and pull subscriptions, for the official clients."""

from localcloud.pubsub.server import PubSubServer, serve_pubsub

__all__ = ["PubSubServer", "serve_pubsub"]
