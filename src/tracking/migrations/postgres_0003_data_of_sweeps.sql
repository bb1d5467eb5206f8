-- As 0004 of burnlab.db.
ALTER TABLE sweep ADD COLUMN data TEXT;
