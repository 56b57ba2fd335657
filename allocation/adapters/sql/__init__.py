"""The store in a SQL database, by SQLAlchemy Core: tables, migrations, the writing side and the reading side."""
