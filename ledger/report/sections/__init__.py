"""What a report says, section by section: from the account, the journal and what people stated."""
