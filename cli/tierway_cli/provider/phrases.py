"""The sentences that answers are made of, in several languages and scripts, and how a prompt's language is told.

Only data and one guess: the simulator has to look like a model on the wire, not to be right.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

REASONING = (
    "The user asks about {topic}.",
    "I should first check what is given and what is missing.",
    "There are two readings; the second fits the context better.",
    "Let me compare both before I answer.",
    "One edge case is worth a sentence.",
)

CODE = (
    "Here is a small version of it:",
    "\n```python\ndef {topic}(items):\n    return [item for item in items if item is not None]\n```\n",
    "It keeps the order and drops empty entries.",
    "\n```python\nassert {topic}([1, None, 2]) == [1, 2]\n```\n",
    "The test shows the edge case.",
    "For large inputs a generator needs less memory.",
)

SENTENCES: Mapping[str, tuple[str, ...]] = {  # Cyrillic that looks Latin is Cyrillic here
    "en": (
        "About {topic}: the short answer is yes, with one condition.",
        "Check first what was agreed, then what has changed since.",
        "The main point is that {topic} depends on the amount and on the date.",
        "Two steps are enough: write down the facts, then compare them with the rule.",
        "If something is missing, ask for it before you decide.",
        "That keeps the result easy to check later.",
        "In practice most cases are simple and only a few need a second look.",
    ),
    "de": (
        "Zu {topic}: Die kurze Antwort ist ja, mit einer Einschränkung.",
        "Prüfen Sie zuerst, was vereinbart wurde, und dann, was sich geändert hat.",
        "Für die übrigen Fälle genügen zwei Schritte.",
        "Fehlt eine Angabe, so fragen Sie vor der Entscheidung nach.",
        "So lässt sich das Ergebnis später leicht überprüfen.",
    ),
    "fr": (
        "À propos de {topic} : la réponse courte est oui, à une condition près.",
        "Vérifiez d'abord ce qui a été convenu, puis ce qui a changé.",
        "Deux étapes suffisent dans la plupart des cas.",
        "S'il manque une donnée, demandez-la avant de décider.",
    ),
    "es": (
        "Sobre {topic}: la respuesta corta es sí, con una condición.",
        "Compruebe primero lo acordado y después lo que ha cambiado.",
        "En la mayoría de los casos bastan dos pasos.",
        "Si falta algún dato, pídalo antes de decidir.",
    ),
    "ru": (
        "Коротко о {topic}: да, но с одним условием.",  # noqa: RUF001
        "Сначала проверьте, что было согласовано, затем что изменилось.",
        "В большинстве случаев хватает двух шагов.",  # noqa: RUF001
        "Если данных не хватает, запросите их заранее.",
    ),
    "ar": ("باختصار: نعم، ولكن بشرط واحد.", "تحقق أولا مما تم الاتفاق عليه.", "في معظم الحالات تكفي خطوتان."),
    "hi": ("संक्षेप में: हाँ, एक शर्त के साथ.", "पहले देखें कि क्या तय हुआ था.", "अधिकतर मामलों में दो कदम काफ़ी हैं."),
    "zh": (
        "关于{topic}:简短的回答是可以,但有一个条件。",
        "请先核对约定的内容,再看有哪些变化。",
        "大多数情况下两步就够了。",
    ),
    "ja": (
        "{topic}については、条件が一つありますが、可能です。",
        "まず合意した内容を確認してください。",
        "多くの場合、二つの手順で足ります。",
    ),
    "ko": (
        "{topic}에 대해 짧게 답하면 가능합니다.",
        "먼저 합의한 내용을 확인하세요.",
        "대부분의 경우 두 단계면 충분합니다.",
    ),
}

EMOJI = ("😀", "👍🏽", "🧑‍💻", "🇪🇺", "✅")

_SCRIPTS = (  # kana before ideographs: Japanese has both
    ("ja", re.compile("[\u3040-\u30ff]")),
    ("ko", re.compile("[\uac00-\ud7af]")),
    ("zh", re.compile("[\u3400-\u9fff]")),
    ("ru", re.compile("[\u0400-\u04ff]")),
    ("ar", re.compile("[\u0600-\u06ff]")),
    ("hi", re.compile("[\u0900-\u097f]")),
    ("de", re.compile(r"\b(und|nicht|der|ist|eine|bitte)\b", re.IGNORECASE)),
    ("fr", re.compile(r"\b(est|une|les|des|pour|vous)\b", re.IGNORECASE)),
    ("es", re.compile(r"\b(el|una|los|por|para|que)\b", re.IGNORECASE)),
)
_WORD = re.compile(r"[^\W\d_]{4,24}")
_CODE = re.compile(r"```|\bdef \w|\bfunction\b|\bcode\b|\bSQL\b|\brefactor\b|\bunit tests?\b", re.IGNORECASE)


def language(text: str) -> str:
    """Guess a language of :data:`SENTENCES`; English when nothing speaks for another."""
    return next((name for name, pattern in _SCRIPTS if pattern.search(text)), "en")


def topic(text: str) -> str:
    """Return the longest word of a text as what it is about."""
    return max(_WORD.findall(text), key=len, default="this")


def about_code(text: str) -> bool:
    return bool(_CODE.search(text))
