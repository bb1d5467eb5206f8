-- Finds the runs that are tested on the same rows. Computed from the record, so that both cannot disagree; NULL where an
-- older burnlab did not record it.
ALTER TABLE run ADD COLUMN tested TEXT
    GENERATED ALWAYS AS (CASE WHEN json_valid(record) THEN json_extract(record, '$.data.test') END) VIRTUAL;
CREATE INDEX run_by_tested ON run (tested) WHERE tested IS NOT NULL;
