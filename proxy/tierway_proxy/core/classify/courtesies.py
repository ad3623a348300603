"""Words of courtesy and manner in many languages, that stand around what is asked: data for `asides`.

`HELLO` and `THANKS` are alternatives of regular expressions, as their lines are joined by `|`.
"""

from typing import Final


def _alternatives(lines: str) -> str:
    return "|".join(line.strip() for line in lines.strip().splitlines())


def _words(lines: str) -> list[str]:
    return lines.split()


HELLO: Final = _alternatives("""
    hi|hiya|hello|hey|howdy|greetings|dear|good (?:morning|afternoon|evening|day)|hallo
    guten (?:morgen|tag|abend)|moin|bonjour|bonsoir|salut|hola|buen[oa]s (?:días|tardes|noches)|buenas
    olá|oi|bo[am] (?:dia|tarde|noite)|ciao|salve|buongiorno|hoi|goede(?:morgen|middag)|hej|hei|moi|cześć
    dzień dobry|привет|здравствуйте|добрый день|merhaba|selam|ahoj|dobrý den|γεια σας|γεια|مرحبا
    السلام عليكم|سلام|שלום|नमस्ते|你好|您好|こんにちは|お世話になっております|안녕하세요|สวัสดี
    xin chào|chào|halo|selamat pagi
    habari|hujambo
""")
THANKS: Final = _alternatives("""
    (?:many )?thanks|thank you|thx|ty|cheers|(?:best |kind |warm )?regards|much appreciated
    appreciate it|(?:vielen )?dank|danke|merci|(?:muchas )?gracias|(?:muito )?obrigad[oa]|grazie
    (?:alvast )?bedankt|dank je|tack|tak|kiitos|takk|dzięki|dziękuję|спасибо|заранее благодарю|дякую
    teşekkürler|teşekkür ederim|děkuji|díky|köszönöm|mulțumesc|ευχαριστώ|شكرا|شكراً|ممنون|متشکرم|תודה
    धन्यवाद|शुक्रिया|谢谢|多谢|ありがとう|よろしく|감사합니다|고마워|ขอบคุณ|cảm ơn|terima kasih|asante
""")
WISHES: Final = r"(?:i )?hope (?:you|this|all)|how are you|nice to meet you|sorry to bother"
TAGS: Final = (
    r"(?:\w++ )?(?:tags?|keywords?|hashtags?|stichworte|schlagwörter|palabras clave|mots[- ]clés|теги|关键词|标签)"
)

HINTS: Final = (
    *_words("""
    thank thx ty cheers regards apprec dank merci gracias obrigad grazie tack tak kiitos dzięk спасибо заранее дяку
    teşekkür děkuji díky köszön mulțum ευχαρ شكر ممنون متشکرم תודה धन्यवाद शुक्रिया 谢 ありがとう よろしく
    감사 고마 ขอบคุณ terima asante ) ] tag keyword stichw schlagw palabras clés clave теги 关键词 标签
"""),
    "cảm ơn",
    "have a",
)
"""One of these is in every closing: where none is, no closing is looked for."""

MANNER: Final = frozenset(
    _words("""
    a advanced all always an analyse analyze and answer answers are as be brief briefly by careful carefully
    comprehensive comprehensively concise concisely critical critically deep deeply detail detailed easy evaluate
    every expert experts fast hard in is it it's just keep like long must no only optimise optimize please precise
    precisely prove question quick quickly reason reasoning refactor short should simple simply slowly smart step
    steps super take task the think thinking this thorough thoroughly time very with world-class you you're your
""")
)
"""Words that say how to answer. A request that ends in nothing but them is the request before them."""
