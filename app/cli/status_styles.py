"""The symbol and the colour of each status; the symbol distinguishes it where there are no colours."""

from rich.text import Text

STATUS_STYLES = {
    "SUCCESS": ("✓", "green"),
    "FAILED": ("✗", "bold red"),
    "RUNNING": ("▶", "cyan"),
    "CANCELLED": ("⊘", "yellow"),
    "CANCELLING": ("⊘", "yellow"),
    "SKIPPED": ("»", "yellow"),
    "ROLLED_BACK": ("↺", "magenta"),
    "ROLLING_BACK": ("↺", "magenta"),
    "WAITING_CONFIRM": ("?", "yellow"),
    "PENDING": ("·", "dim"),
    "ASKED": ("?", "bold yellow"),
    "APPROVED": ("✓", "green"),
    "REJECTED": ("✗", "bold red"),
    "EXPIRED": ("✗", "bold red"),
}


def status_text(status: str, suffix: str = "") -> Text:
    """Return a status with its symbol and colour."""
    symbol, style = STATUS_STYLES.get(status, ("·", ""))
    return Text(f"{symbol} {status}{suffix}", style=style)
