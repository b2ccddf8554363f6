"""What customers search for."""

import re

STOP_WORDS = [
    "a", "an", "and", "are", "as", "at", "be", "by", "for", "from", "has", "he", "in", "is", "it", "its",
    "of", "on", "or", "that", "the", "this", "to", "was", "we", "were", "will", "with", "you", "your",
]  # fmt: skip


def telling(words):
    """The words that say something."""
    return [word for word in words if word not in STOP_WORDS]


def slug(title):
    """A title for an address."""
    return re.compile(r"[^a-z0-9]+").sub("-", title.lower()).strip("-")


def sentence(words):
    """Words with a space behind each."""
    text = ""
    for word in words:
        text += word + " "
    return text


def histogram(words):
    """How often each word occurs."""
    counts = {}
    for word in words:
        if word in counts.keys():
            counts[word] += 1
        else:
            counts[word] = 1
    return counts
