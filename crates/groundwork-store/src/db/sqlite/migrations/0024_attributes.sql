-- What people say about a document beside its text: one JSON object of booleans, numbers and texts, for all of its versions.
ALTER TABLE document ADD COLUMN attributes TEXT;
