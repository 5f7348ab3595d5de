"""Saved SQL queries: created in Athena, documented in ``docs/sql.md``.

Each runs unchanged in Athena (Trino) and in DuckDB, so it uses only what both have:
``try(map[key])`` for a tag, ``date_diff('second', …)`` for durations, and ``3600e0`` where a
quotient must not be truncated.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SavedQuery:
    """A query with its name and title. ``hint`` describes what to change in it."""

    name: str
    title: str
    hint: str
    sql: str


CUR_TABLE = "cur2"
"""The table of a CUR 2.0 export in the query that reads it; users insert their own name."""

SAVED_QUERIES = (
    SavedQuery(
        "use-by-team-and-day",
        "How much did each team hold and use on each day?",
        "The first day; for another tag than `Team`, `try(tags['key'])` instead of `team`.",
        """\
SELECT dt AS day, coalesce(team, '(untagged)') AS team,
  sum(reserved_hours) AS reserved_hours, sum(used_hours) AS used_hours,
  sum(idle_hours) AS idle_hours, sum(unobserved_hours) AS unobserved_hours
FROM usage WHERE dt >= '2026-11-01'
GROUP BY dt, coalesce(team, '(untagged)') ORDER BY day, team""",
    ),
    SavedQuery(
        "held-at-a-moment",
        "What did we hold on the 24th at noon?",
        "The moment, in UTC, and `dt` with its day.",
        """\
SELECT reservation_id, type, account_id, region, instance_type, state, total_capacity, used_capacity
FROM spans
WHERE dt >= '2026-11-24' AND valid_from <= TIMESTAMP '2026-11-24 12:00:00'
  AND known_until > TIMESTAMP '2026-11-24 12:00:00'
ORDER BY region, instance_type, reservation_id""",
    ),
    SavedQuery(
        "idle-for-a-week",
        "Which reservations have been idle for a week, whose are they, and what does that cost?",
        "The first day, a recent day for what is idle now, and your prices in USD per "
        "instance-hour: without one the cost is null. Time that no listing covers counts.",
        """\
WITH prices (instance_type, usd_per_hour) AS (
  VALUES ('p5.48xlarge', 55.04e0), ('p4d.24xlarge', 21.96e0)
), idle AS (
  SELECT reservation_id, owner_id, try(tags['Team']) AS team, region, instance_type,
    total_capacity AS instances, known_until
  FROM spans
  WHERE dt >= '2026-11-24' AND valid_to IS NULL AND state = 'active' AND used_capacity = 0
), begun AS (
  SELECT reservation_id, coalesce(
    max(CASE WHEN used_capacity = 0 THEN NULL ELSE known_until END), min(valid_from)) AS idle_since
  FROM spans
  WHERE dt >= '2026-11-01' AND reservation_id IN (SELECT reservation_id FROM idle)
  GROUP BY reservation_id
), lengths AS (
  SELECT idle.*, date_diff('second', idle_since, known_until) / 3600e0 AS idle_hours
  FROM idle JOIN begun ON idle.reservation_id = begun.reservation_id
)
SELECT reservation_id, owner_id, team, region, lengths.instance_type, instances, idle_hours,
  instances * idle_hours * usd_per_hour AS idle_usd
FROM lengths LEFT JOIN prices ON lengths.instance_type = prices.instance_type
WHERE idle_hours >= 168
ORDER BY idle_usd DESC NULLS LAST, reservation_id""",
    ),
    SavedQuery(
        "utilization-by-type",
        "How well is each instance type used?",
        "The first day.",
        """\
SELECT instance_type, region, sum(reserved_hours) AS reserved_hours, sum(used_hours) AS used_hours,
  sum(used_hours) / nullif(sum(reserved_hours), 0e0) AS utilization
FROM usage WHERE dt >= '2026-11-01'
GROUP BY instance_type, region ORDER BY instance_type, region""",
    ),
    SavedQuery(
        "lead-time-of-blocks",
        "How long after its purchase does a block start?",
        "The first day.",
        """\
SELECT instance_type, count(*) AS blocks, min(hours) AS shortest, avg(hours) AS average,
  max(hours) AS longest
FROM (
  SELECT DISTINCT capacity_block_id, instance_type,
    date_diff('second', create_date, start_date) / 3600e0 AS hours
  FROM spans
  WHERE dt >= '2026-11-01' AND type = 'capacity-block'
    AND create_date IS NOT NULL AND start_date IS NOT NULL
) AS blocks
GROUP BY instance_type ORDER BY instance_type""",
    ),
    SavedQuery(
        "time-to-pay",
        "How long did each payment take?",
        "The first day. Null if no listing showed a successful payment.",
        """\
SELECT capacity_block_id, min(create_date) AS purchased,
  min(CASE WHEN state IN ('scheduled', 'active') THEN valid_from END) AS paid_until,
  date_diff('second', min(create_date),
    min(CASE WHEN state IN ('scheduled', 'active') THEN valid_from END)) / 3600e0 AS hours
FROM spans
WHERE dt >= '2026-11-01' AND type = 'capacity-block'
GROUP BY capacity_block_id
HAVING count_if(state = 'payment-pending') > 0
ORDER BY capacity_block_id""",
    ),
    SavedQuery(
        "extended-blocks",
        "Which blocks were extended, and by how much?",
        "The first day.",
        """\
SELECT capacity_block_id, max_by(instance_type, valid_from) AS instance_type,
  min(end_date) AS first_end, max(end_date) AS last_end,
  date_diff('second', min(end_date), max(end_date)) / 3600e0 AS hours_more
FROM spans
WHERE dt >= '2026-11-01' AND type = 'capacity-block'
GROUP BY capacity_block_id
HAVING count(DISTINCT end_date) > 1
ORDER BY capacity_block_id""",
    ),
    SavedQuery(
        "failures-by-region",
        "Which regions failed most?",
        "The first day.",
        """\
SELECT region, count_if(outcome = 'failed') AS failed, count(*) AS attempts,
  CAST(count_if(outcome = 'failed') AS double) / count(*) AS share, max(error) AS an_error
FROM listings WHERE dt >= '2026-11-01'
GROUP BY region ORDER BY failed DESC, region""",
    ),
    SavedQuery(
        "peak-by-type",
        "What was the peak number of instances of each type, and when?",
        "The first day. `since` is the first moment with that many.",
        """\
WITH stretches AS (
  SELECT instance_type, valid_from, valid_to, sum(total_capacity) AS instances
  FROM spans WHERE dt >= '2026-11-01' AND state = 'active'
  GROUP BY instance_type, valid_from, valid_to
), steps AS (
  SELECT instance_type, valid_from AS moment, instances AS change FROM stretches
  UNION ALL
  SELECT instance_type, valid_to, -instances FROM stretches WHERE valid_to IS NOT NULL
), moments AS (
  SELECT instance_type, moment, sum(change) AS change
  FROM steps GROUP BY instance_type, moment
), held AS (
  SELECT instance_type, moment,
    sum(change) OVER (PARTITION BY instance_type ORDER BY moment) AS instances
  FROM moments
), peaks AS (
  SELECT instance_type, max(instances) AS peak FROM held GROUP BY instance_type
)
SELECT held.instance_type, peak, min(moment) AS since
FROM held JOIN peaks ON held.instance_type = peaks.instance_type AND instances = peak
GROUP BY held.instance_type, peak ORDER BY instance_type""",
    ),
    SavedQuery(
        "untagged",
        "Which reservations have no team now?",
        "The tag `Team`, and `dt` with a recent day.",
        """\
SELECT reservation_id, owner_id, region, instance_type, total_capacity
FROM spans
WHERE dt >= '2026-11-24' AND valid_to IS NULL AND state IN ('active', 'scheduled')
  AND try(tags['Team']) IS NULL
ORDER BY region, reservation_id""",
    ),
    SavedQuery(
        "restless",
        "Which reservations change most?",
        "The first day.",
        """\
SELECT reservation_id, max(instance_type) AS instance_type, count(*) AS spans,
  min(used_capacity) AS least_used, max(used_capacity) AS most_used
FROM spans WHERE dt >= '2026-11-01'
GROUP BY reservation_id ORDER BY spans DESC, reservation_id LIMIT 50""",
    ),
    SavedQuery(
        "events-by-type",
        "Which events happened, and how often?",
        "The first day.",
        """\
SELECT dt, type, severity, count(*) AS events, count(DISTINCT reservation_id) AS reservations
FROM events WHERE dt >= '2026-11-01'
GROUP BY dt, type, severity ORDER BY dt, type, severity""",
    ),
    SavedQuery(
        "slow-runs",
        "Which runs were slow, and what failed in them?",
        "The first day.",
        """\
SELECT run_id, started_at, seconds, counts.scopes AS scopes, counts.failed AS failed,
  counts.reservations AS reservations
FROM runs WHERE dt >= '2026-11-01'
ORDER BY seconds DESC, run_id LIMIT 50""",
    ),
    SavedQuery(
        "price-history-of-offerings",
        "How did the price and the lead time of blocks for sale change?",
        "The first day. Prices are per accelerator-hour; `unanswered` counts requests without a "
        "response.",
        """\
SELECT dt AS day, requested_instance_type AS instance_type, region,
  min(price_per_gpu_hour) AS least_price, max(price_per_gpu_hour) AS highest_price,
  min(lead_hours) AS least_lead_hours, count(DISTINCT observed_at) AS answers,
  count(DISTINCT CASE WHEN outcome = 'offered' THEN observed_at END) AS with_offers,
  count(DISTINCT CASE WHEN outcome IN ('failed', 'not-asked') THEN observed_at END) AS unanswered
FROM offerings WHERE dt >= '2026-11-01'
GROUP BY dt, requested_instance_type, region ORDER BY day, instance_type, region""",
    ),
    SavedQuery(
        "time-on-sale",
        "How long was each block on sale, and at what price?",
        "The first day. Seen means listed in an answer; nothing is known between two answers.",
        """\
SELECT identity, max(requested_instance_type) AS instance_type, max(region) AS region,
  min(observed_at) AS first_seen, max(observed_at) AS last_seen,
  count(DISTINCT observed_at) AS answers, min(price_per_gpu_hour) AS least_price,
  max_by(price_per_gpu_hour, observed_at) AS last_price
FROM offerings WHERE dt >= '2026-11-01' AND identity IS NOT NULL
GROUP BY identity ORDER BY first_seen, identity""",
    ),
    SavedQuery(
        "bill-beside-use",
        "How does each reservation's bill compare with its observed use?",
        f"`{CUR_TABLE}`, the table of your CUR 2.0 export, made with "
        "`INCLUDE_CAPACITY_RESERVATION_DATA`; and the month.",
        f"""\
WITH billed AS (
  SELECT capacity_reservation_capacity_reservation_arn AS reservation_arn,
    sum(CASE WHEN capacity_reservation_capacity_reservation_status = 'Unused'
      THEN line_item_unblended_cost ELSE 0e0 END) AS unused_usd,
    sum(line_item_unblended_cost) AS billed_usd
  FROM {CUR_TABLE}
  WHERE line_item_usage_start_date >= TIMESTAMP '2026-11-01 00:00:00'
    AND line_item_usage_start_date < TIMESTAMP '2026-12-01 00:00:00'
    AND capacity_reservation_capacity_reservation_arn <> ''
  GROUP BY capacity_reservation_capacity_reservation_arn
), parts AS (
  SELECT reservation_arn, reservation_id, total_capacity, used_capacity,
    date_diff('second', greatest(valid_from, TIMESTAMP '2026-11-01 00:00:00'),
      least(known_until, TIMESTAMP '2026-12-01 00:00:00')) / 3600e0 AS hours
  FROM spans
  WHERE dt >= '2026-11-01' AND valid_from < TIMESTAMP '2026-12-01 00:00:00'
    AND state = 'active' AND used_capacity IS NOT NULL
), seen AS (
  SELECT reservation_arn, max(reservation_id) AS reservation_id,
    sum(total_capacity * hours) AS reserved_hours,
    sum((total_capacity - used_capacity) * hours) AS idle_hours
  FROM parts GROUP BY reservation_arn
)
SELECT coalesce(billed.reservation_arn, seen.reservation_arn) AS reservation_arn, reservation_id,
  reserved_hours, idle_hours, billed_usd, unused_usd, unused_usd / nullif(idle_hours, 0e0)
    AS usd_per_idle_hour
FROM billed FULL JOIN seen ON billed.reservation_arn = seen.reservation_arn
ORDER BY reservation_arn""",
    ),
)
