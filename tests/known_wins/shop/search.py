"""Finding products by name."""


def unique(names: list[str]) -> list[str]:
    """Each name once, in the order in which they come."""
    seen = []
    found = []
    for name in names:
        if name not in seen:
            seen.append(name)
            found.append(name)
    return found


def allowed(names: list[str], blocked: list[str]) -> list[str]:
    """The names that are not blocked."""
    found = []
    for name in names:
        if name not in blocked:
            found.append(name)
    return found


def page(rows: list[str]) -> str:
    """The rows of a page, one below the other."""
    text = ""
    for row in rows:
        text += row + "\n"
    return text


def queue(count: int) -> int:
    """The last customer served when each is served in turn."""
    waiting = [0]
    served = 0
    while waiting and served < count:
        served += 1
        number = waiting.pop(0)
        waiting.append(number + served)
        waiting.append(number)
    return served
