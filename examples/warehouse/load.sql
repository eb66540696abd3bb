-- Takes what Kafka Connect has written into two tables. Run it as often as there is something new: a line that was
-- loaded before, or that Meta or Connect sent twice, changes nothing, for its event_id is there already.

CREATE TABLE IF NOT EXISTS outcomes (
    event_id VARCHAR PRIMARY KEY,
    phone_number_id VARCHAR,
    command_id VARCHAR NOT NULL,
    outcome VARCHAR NOT NULL,
    type VARCHAR NOT NULL,
    template_name VARCHAR,
    command_source VARCHAR,
    message_id VARCHAR,
    error_class VARCHAR,
    error_code BIGINT,
    queued_at TIMESTAMP NOT NULL,
    settled_at TIMESTAMP NOT NULL
);

CREATE TABLE IF NOT EXISTS statuses (
    event_id VARCHAR PRIMARY KEY,
    phone_number_id VARCHAR NOT NULL,
    command_id VARCHAR,
    message_id VARCHAR NOT NULL,
    status VARCHAR NOT NULL,
    status_rank INTEGER NOT NULL,
    occurred_at TIMESTAMP NOT NULL,
    error_code BIGINT
);

INSERT OR IGNORE INTO outcomes
SELECT
    event_id, phone_number_id, command_id, outcome, type, template_name, command_source, message_id,
    error.class, error.code, epoch_ms(queued_at), epoch_ms(settled_at)
FROM read_json('outcomes.jsonl', format = 'newline_delimited', columns = {
    event_id: 'VARCHAR', phone_number_id: 'VARCHAR', command_id: 'VARCHAR', outcome: 'VARCHAR', type: 'VARCHAR',
    template_name: 'VARCHAR', command_source: 'VARCHAR', message_id: 'VARCHAR',
    error: 'STRUCT(class VARCHAR, code BIGINT)', queued_at: 'BIGINT', settled_at: 'BIGINT'
});

-- A type other than message is about something else, such as a payment, that shares words with the statuses of messages.
INSERT OR IGNORE INTO statuses
SELECT
    event_id, phone_number_id, command_id, message_id, status, status_rank, epoch_ms(occurred_at), errors[1].code
FROM read_json('statuses.jsonl', format = 'newline_delimited', columns = {
    event_id: 'VARCHAR', phone_number_id: 'VARCHAR', command_id: 'VARCHAR', message_id: 'VARCHAR', type: 'VARCHAR',
    status: 'VARCHAR', status_rank: 'INTEGER', occurred_at: 'BIGINT', errors: 'STRUCT(code BIGINT)[]'
})
WHERE type IS NULL OR type = 'message';
