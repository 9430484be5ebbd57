-- Where a batch runs when a target runs it, and how far it has come there.
ALTER TABLE batch ADD COLUMN upstream TEXT;
