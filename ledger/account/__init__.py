"""The account: what each destination was sent, minute by minute."""
