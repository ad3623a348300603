"""Says, on a line of JSON, when a proxy begins to serve another table of a policy, and which.

Runs in a pod: `watch.py POLICY HOST…`, with the release's token on standard input. It looks at each proxy every 20 ms.
"""

import asyncio
import json
import sys
import time

from openai import DefaultAsyncHttpxClient

LOOK_SECONDS = 0.02


async def main(policy: str, hosts: list[str], token: str) -> None:
    async with DefaultAsyncHttpxClient(headers={"Authorization": f"Bearer {token}"}) as http:
        await asyncio.gather(*(_watch(http, policy, host) for host in hosts))


async def _watch(http: DefaultAsyncHttpxClient, policy: str, host: str) -> None:
    seen = None
    while True:
        answer = await http.get(f"http://{host}:9090/observations")
        answer.raise_for_status()
        table = next((each for each in answer.json()["tables"] if each["policy"] == policy), None)
        if table != seen:
            seen = table
            line = {"time": time.time(), "proxy": host, "generation": table and table["generation"]}
            sys.stdout.write(json.dumps(line) + "\n")
        await asyncio.sleep(LOOK_SECONDS)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2:], sys.stdin.readline().strip()))
