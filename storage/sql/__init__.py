"""The statements behind :class:`storage.sqlite.SqliteStore`, one file a subject: plain functions over an open transaction.

None of them begins or ends a transaction; ``storage/connection.py`` does.
"""
