-- How far each command got.

-- One row for each command, in whatever order its statuses came: who has read a message has received it, though Meta may
-- never say so, and what was delivered has not failed. A command that was redriven counts once, with the better end.
CREATE OR REPLACE VIEW command_funnel AS
WITH progress AS (
    SELECT
        phone_number_id,
        command_id,
        min(occurred_at) FILTER (status IN ('sent', 'delivered', 'read', 'played')) AS sent_at,
        min(occurred_at) FILTER (status IN ('delivered', 'read', 'played')) AS delivered_at,
        min(occurred_at) FILTER (status IN ('read', 'played')) AS read_at,
        max_by(status, status_rank) = 'failed' AS undelivered,
        max_by(error_code, status_rank) AS error_code
    FROM statuses
    WHERE command_id IS NOT NULL
    GROUP BY phone_number_id, command_id
),
ends AS (
    SELECT *
    FROM outcomes
    WHERE outcome <> 'DUPLICATE'
    QUALIFY row_number() OVER (
        PARTITION BY phone_number_id, command_id ORDER BY outcome = 'ACCEPTED' DESC, settled_at DESC
    ) = 1
)
SELECT
    ends.phone_number_id,
    ends.command_id,
    ends.type,
    ends.template_name,
    ends.command_source,
    -- Meta reports only on what it has accepted, even when its answer to the request never came.
    ends.outcome = 'ACCEPTED' OR progress.command_id IS NOT NULL AS accepted,
    progress.sent_at IS NOT NULL AS sent,
    progress.delivered_at IS NOT NULL AS delivered,
    progress.read_at IS NOT NULL AS read,
    NOT accepted OR coalesce(progress.undelivered, false) AS failed,
    CASE
        WHEN progress.undelivered THEN 'undelivered'
        WHEN NOT accepted THEN coalesce(ends.error_class, lower(ends.outcome))
    END AS reason,
    CASE WHEN progress.undelivered THEN progress.error_code WHEN NOT accepted THEN ends.error_code END AS error_code,
    ends.queued_at,
    CASE WHEN ends.outcome = 'ACCEPTED' THEN ends.settled_at END AS accepted_at,
    progress.sent_at,
    progress.delivered_at,
    progress.read_at
FROM ends
LEFT JOIN progress ON progress.phone_number_id = ends.phone_number_id AND progress.command_id = ends.command_id;

-- The funnel of each template; messages without one by their type.
CREATE OR REPLACE VIEW funnel AS
SELECT
    coalesce(template_name, nullif(type, ''), 'unreadable') AS message,
    count(*) AS commands,
    count(*) FILTER (accepted) AS accepted,
    count(*) FILTER (sent) AS sent,
    count(*) FILTER (delivered) AS delivered,
    count(*) FILTER (read) AS read,
    count(*) FILTER (failed) AS failed,
    round(100.0 * count(*) FILTER (read) / nullif(count(*) FILTER (delivered), 0), 1) AS read_percent,
    median(epoch(accepted_at - queued_at)) AS median_s_to_accept
FROM command_funnel
GROUP BY message
ORDER BY commands DESC, message;

FROM funnel;
