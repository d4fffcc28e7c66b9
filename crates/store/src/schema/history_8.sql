-- Rows and classes stand in the indexes of what is searched for beside a class: whose row does not fit is passed over
-- there, and its row is not read.
DROP INDEX past_nodes;
CREATE INDEX past_nodes ON past (nodes, id, class);
DROP INDEX past_outcome;
CREATE INDEX past_outcome ON past (outcome, id, class) WHERE outcome <> 0;
DROP INDEX past_exit;
CREATE INDEX past_exit ON past (exit, id, class) WHERE exit <> 0;
DROP INDEX past_reason;
CREATE INDEX past_reason ON past (reason, id, class) WHERE reason <> 0;
DROP INDEX past_way;
CREATE INDEX past_way ON past (way, id, class) WHERE way <> 0;
