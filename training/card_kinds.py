"""Tasks, languages and shapes in groups that are large enough to say something of."""

from collections.abc import Mapping
from typing import Any, Final

LANGUAGES: Final[Mapping[str, tuple[str, ...]]] = {
    "Chinese": ("zh", "zh-Hant", "yue"),
    "Japanese": ("ja",),
    "Spanish, Portuguese": ("es", "pt", "gl", "ca"),
    "Arabic, Persian, Hebrew, Urdu": ("ar", "fa", "he", "ur"),
    "Russian, Ukrainian, Bulgarian, Macedonian, Serbian": ("ru", "uk", "bg", "mk", "sr"),
    "French, Italian, Romanian": ("fr", "it", "ro"),
    "German, Dutch, Scandinavian": ("de", "nl", "da", "sv", "no"),
    "African languages": ("sw", "am", "ig", "ha", "yo", "rw", "zu", "pcm", "ts", "so", "tw"),
    "Indonesian, Malay": ("id", "ms"),
    "Korean": ("ko",),
}
OTHER: Final = "other"
SHORT: Final = 100
LONG: Final = 4000
"""Characters of all texts together."""

_KINDS: Final[Mapping[str, tuple[str, ...]]] = {
    # the first kind one of whose words starts the task's name
    "law, medicine, finance, policy": (
        *("legal", "medical", "finance", "expert", "policy", "design_review", "process_analysis", "review_analysis"),
        *("research_synthesis", "data_analysis", "data_story"),
    ),
    "agents and planning": (
        *("agent", "browser_agent", "coding_agent", "planning", "scheduling", "puzzle_agent", "tool_planning"),
    ),
    "tool calls": ("tool", "order_dialogue", "api_snippet"),
    "code": (
        *("cod", "bug", "commit", "shell", "sql", "predict_output", "explain_code", "log_explain", "html", "doc_edit"),
        "issue_triage",
    ),
    "mathematics": ("math", "competition", "college_math", "multistep_arithmetic"),
    "logic and puzzles": (
        *("logic", "puzzle", "formal", "dyck", "web_of_lies", "reasoning", "theory_of_mind", "ethics"),
    ),
    "classification": (*("classification", "intent", "topic", "emotion", "sentiment", "sentence_pair", "claim_check"),),
    "questions about a text, a table or a picture": (
        *("extractive_qa", "rag", "reading", "multi_hop", "table", "chart", "faq", "state_lookup", "trace", "log_ext"),
    ),
    "questions of knowledge": ("qa", "trivia", "exam", "commonsense", "mcq", "science"),
    "extraction and format": ("extraction", "json", "formatting", "dialogue_ext", "meeting_ext", "data_to_text"),
    "translation and rewriting": ("translation", "rewrite", "grammar", "correction", "text_edit"),
    "summaries": ("summar", "meeting_summary", "query_summary"),
    "writing": ("writing", "constrained", "open_writing", "question_writing", "role", "support", "brainstorm"),
    "explanations, advice, conversation": (
        *("expla", "advice", "chitchat", "small_talk", "follow_up", "recommend", "open_ended", "hard_prompt"),
        *("generic", "knowledge", "common-sense"),
    ),
}


def kind_of(task: str) -> str:
    """Give the kind of a task, `OTHER` when it is of none."""
    return next((kind for kind, starts in _KINDS.items() if task.startswith(starts)), OTHER)


def group_of(language: str) -> str:
    """Give the group of a language; English is one of its own."""
    if language == "en":
        return "English"
    return next((group for group, codes in LANGUAGES.items() if language in codes), "all others")


def shapes_of(request: Mapping[str, Any]) -> set[str]:
    """Give what a request carries, and whether it is very short or long; nothing for most."""
    messages = request["messages"]
    characters = sum(len(text) for message in messages for text in _texts(message.get("content")))
    said = {
        "tools": bool(request.get("tools")),
        "several turns": sum(message["role"] == "user" for message in messages) > 1,
        "a system prompt": any(message["role"] == "system" for message in messages),
        "a picture": any(_shows(message.get("content")) for message in messages),
        f"less than {SHORT} characters": characters < SHORT,
        f"more than {LONG} characters": characters > LONG,
    }
    return {shape for shape, is_so in said.items() if is_so}


def _texts(content: object) -> list[str]:
    if isinstance(content, str):
        return [content]
    return [part["text"] for part in content if "text" in part] if isinstance(content, list) else []


def _shows(content: object) -> bool:
    return isinstance(content, list) and any(part.get("type") == "image_url" for part in content)
