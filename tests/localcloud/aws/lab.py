"""An AWS account on loopback and boto3 in front of it, for the tests here."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from localcloud.aws.cloud import AwsCloud
from localcloud.aws.server import serve_aws

boto3 = pytest.importorskip("boto3")


class Lab:
    """A running account and its URL; `client` makes boto3's clients."""

    def __init__(self, cloud, url, loop):
        self.cloud = cloud
        self.url = url
        self._loop = loop
        self._clients = []

    def client(self, service, region="us-east-1"):
        """A client that asks once: retries would hide what the stand-in refuses."""
        found = boto3.session.Session().client(
            service,
            endpoint_url=self.url,
            region_name=region,
            aws_access_key_id="lab",
            aws_secret_access_key="lab",
            config=boto3.session.Config(retries={"total_max_attempts": 1}, proxies={}),
        )
        self._clients.append(found)
        return found

    def run(self, work):
        """Call *work* in the account's own loop, as its other parts do."""

        async def call():
            return work()

        return asyncio.run_coroutine_threadsafe(call(), self._loop).result(10)

    def close(self):
        for client in self._clients:
            client.close()


@contextmanager
def running_lab(**options) -> Iterator[Lab]:
    """Run an account in a thread of its own; *options* are those of `AwsCloud`."""
    options = {"requests_per_second": None, "processing_seconds": 0.0, **options}
    cloud = AwsCloud(**options)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    server = asyncio.run_coroutine_threadsafe(serve_aws(cloud), loop).result(10)
    lab = Lab(cloud, server.url, loop)
    try:
        yield lab
    finally:
        lab.close()
        asyncio.run_coroutine_threadsafe(server.close(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


@contextmanager
def clients(url):
    """Makes boto3's clients of a world's services, for a service and a region; closes them all."""
    made = []

    def client(service, region="us-east-1"):
        found = boto3.session.Session().client(
            service,
            region_name=region,
            endpoint_url=url,
            aws_access_key_id="lab",
            aws_secret_access_key="lab",
        )
        made.append(found)
        return found

    try:
        yield client
    finally:
        for each in made:
            each.close()
