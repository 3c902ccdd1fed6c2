"""What users call: every verb and option, documented and typed; no logic anywhere in here."""
