-- The fingerprint of the rows that a sweep was created for: a worker trains on no others, whatever file the config names.
-- NULL where an older burnlab created it.
ALTER TABLE sweep ADD COLUMN data TEXT;
