-- As 0003 of burnlab.db. Not by the server's JSON functions, which refuse a record whose note holds \u0000; a quote inside
-- a text is escaped, so that no text is taken for the field.
ALTER TABLE run ADD COLUMN tested TEXT COLLATE "C"
    GENERATED ALWAYS AS (substring(record from '"data":\{"test":"([0-9a-f]*)"')) STORED;
CREATE INDEX run_by_tested ON run (tested) WHERE tested IS NOT NULL;
