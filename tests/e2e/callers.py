"""A pod with the OpenAI SDK that asks when it is told to, with its own token or with a key that it is given."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from localkube import Tool
from tests.e2e.installation import Image
from tests.e2e.load import pod

QUESTION = "Which day comes after Monday?"
SCRIPT = """
import json, pathlib, sys, openai
url, key, question, model, headers = json.loads(sys.argv[1])
key = key or pathlib.Path("/var/run/secrets/tierway/token").read_text
with openai.OpenAI(base_url=url, api_key=key, max_retries=0, timeout=60) as client:
    try:
        asked = client.chat.completions.with_raw_response
        raw = asked.create(model=model, messages=[{"role": "user", "content": question}], extra_headers=headers)
        said = {"status": 200, "text": raw.parse().choices[0].message.content, "headers": dict(raw.headers)}
    except openai.APIStatusError as error:
        said = {"status": error.status_code, "text": str(error), "headers": dict(error.response.headers)}
    except openai.APIConnectionError as error:
        said = {"status": 0, "text": repr(error.__cause__), "headers": {}}
print(json.dumps(said))
"""


@dataclass(frozen=True)
class Reply:
    """What the SDK made of an answer; status 0: there was none."""

    status: int
    text: str
    headers: dict[str, str]

    @property
    def tier(self) -> str | None:
        return self.headers.get("x-tierway-tier")


class Caller:
    """A pod that waits to be told; its account is its namespace's `default`."""

    def __init__(self, kubectl: Tool, namespace: str, name: str) -> None:
        self._kubectl, self._name = kubectl, name
        self._here = f"--namespace={namespace}"

    def ask(
        self, url: str, key: str | None = None, question: str = QUESTION, model: str = "auto", **headers: str
    ) -> Reply:
        """Ask one question, once; `key` instead of the pod's own token, `X_Name` for a header."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        return Reply(**json.loads(self.python(SCRIPT, json.dumps([url, key, question, model, sent]))))

    def python(self, script: str, *arguments: str, stdin: str = "") -> str:
        """Run a script in the pod; returns what it printed. Raises CommandError."""
        command = ["exec", "--stdin", self._here, self._name, "--", "python", "-c", script, *arguments]
        return self._kubectl(*command, stdin=stdin)

    def token(self) -> str:
        """Return the pod's own for Tierway."""
        return self.python("print(open('/var/run/secrets/tierway/token').read(), end='')")


@contextmanager
def calling(kubectl: Tool, image: Image, namespace: str, name: str = "asker") -> Iterator[Caller]:
    """A caller in that namespace, for the block."""
    here = f"--namespace={namespace}"
    kubectl("create", here, "--filename=-", stdin=json.dumps(pod(name, image, ["sleep", "infinity"])))
    try:
        kubectl("wait", here, "--for=condition=Ready", f"pod/{name}", "--timeout=60s")
        yield Caller(kubectl, namespace, name)
    finally:
        kubectl("delete", "pod", name, here, "--grace-period=0", "--force")
