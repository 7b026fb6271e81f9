"""`errlock demo`: a small shop with real SDKs fails, and both sides of the airlock are shown."""
