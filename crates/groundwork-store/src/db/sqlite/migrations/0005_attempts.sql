-- The model behind a deployment that answered, and deployments that were asked in vain with the tokens that they may charge for.
ALTER TABLE ledger ADD COLUMN served_model TEXT;
ALTER TABLE ledger ADD COLUMN failed_attempts INTEGER NOT NULL DEFAULT 0;
ALTER TABLE ledger ADD COLUMN lost_input_tokens INTEGER NOT NULL DEFAULT 0;
ALTER TABLE ledger ADD COLUMN lost_output_tokens INTEGER NOT NULL DEFAULT 0;
