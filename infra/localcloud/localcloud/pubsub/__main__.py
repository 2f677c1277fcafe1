"""`python -m localcloud.pubsub [--port N]`: a Pub/Sub until Ctrl-C or SIGTERM."""

import argparse
import asyncio
import json
import signal
import sys

from localcloud.pubsub import serve_pubsub


async def _serve(port: int) -> None:
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ended.set)
    server = await serve_pubsub(port=port)
    # one line that a parent process reads
    places = {
        "endpoint": server.endpoint,
        "certs_url": server.certs_url,
        "jwks_url": server.jwks_url,
        "identity_url": server.identity_url,
    }
    line = json.dumps(places)
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
    await ended.wait()
    await server.close()


def main() -> None:
    """Read the arguments and serve."""
    parser = argparse.ArgumentParser(prog="localcloud.pubsub", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="of gRPC; 0 takes a free one")
    asyncio.run(_serve(parser.parse_args().port))


if __name__ == "__main__":
    main()
