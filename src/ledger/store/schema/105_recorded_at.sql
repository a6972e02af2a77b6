-- What was recorded lately, without looking through the whole log: reconciliation asks each night.
-- Times follow positions closely, so that a few bytes for every 32 pages are enough, and a save
-- writes nothing more than before. Where clocks went back, it only looks at more pages.

create index facts_recorded on ledger.facts using brin (recorded_at) with (pages_per_range = 32);
