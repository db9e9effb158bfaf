"""The settings with which the payment-service is tested."""


def with_ledger(file: str) -> dict[str, object]:
    """The service's section of the settings file; payments are limited to 500.00."""
    return {"ledger": file, "currency": "EUR", "max_cents": 50_000}
