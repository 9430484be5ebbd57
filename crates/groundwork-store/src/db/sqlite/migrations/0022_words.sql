-- Where a page's text begins in the document's, in characters; and the words of a page with their boxes, as the reader packs them.
ALTER TABLE page ADD COLUMN start INTEGER;
CREATE TABLE page_words (
    version_no INTEGER NOT NULL REFERENCES version (no) ON DELETE CASCADE,
    number     INTEGER NOT NULL,
    words      BLOB NOT NULL,
    PRIMARY KEY (version_no, number)
);
