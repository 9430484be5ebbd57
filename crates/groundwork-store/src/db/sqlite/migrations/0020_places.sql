-- What is known of a chunk's place besides its pages, as JSON: the unit that they count, a sheet's name, where each further page begins, the
-- language. NULL where there is nothing to say.
ALTER TABLE chunk ADD COLUMN place TEXT;
