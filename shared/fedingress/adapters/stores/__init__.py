"""The state stores: memory, SQLite, Firestore, DynamoDB. Importing this imports no cloud's SDK."""
