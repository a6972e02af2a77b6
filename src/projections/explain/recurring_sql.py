"""MRR from the stored facts alone: how each membership stands at an instant, and what it is worth.

Written apart from the fold and the Python that it calls, to be its judge. The definition is mrr-1.
"""

from __future__ import annotations

from typing import LiteralString

TOPICS = (
    "member.joined",
    "member.renewed",
    "member.past_due",
    "member.action_required",
    "member.action_cleared",
    "member.price_moved",
    "member.self_cancelled",
    "member.cancellation_withdrawn",
    "member.left",
    "member.removed",
    "member.lapsed",
    "member.instalments_completed",
    "order.placed",
)
"""The stored names of all facts that have a say in it."""

# Of orders the first of a membership counts; looking at its text first spares reading most of them.
# Without OFFSET 0 each state would be parsed as often as it is named.
TOLD: LiteralString = """
SELECT facts.position, facts.stream_id, facts.topic,
       (said ->> 'membership_id')::uuid AS membership_id,
       (said ->> 'occurred_at')::timestamptz AS occurred_at,
       said ->> 'plan_id' AS plan_id, said -> 'terms' AS terms, said -> 'discount' AS discount,
       coalesce(said ->> 'grace_until', said ->> 'access_until') AS access_until,
       said ->> 'retry_at' AS retry_at, said ->> 'mode' AS mode,
       said ->> 'charge_index' AS charge_index,
       facts.topic IN ('member.left', 'member.removed', 'member.lapsed') AS ends,
       facts.topic IN ('member.joined', 'member.renewed', 'member.past_due',
                       'member.action_required', 'member.action_cleared',
                       'member.cancellation_withdrawn', 'member.instalments_completed') AS bills
  FROM ledger.facts CROSS JOIN LATERAL (
           SELECT convert_from(facts.state, 'UTF8')::jsonb AS said OFFSET 0) AS read
 WHERE facts.topic = ANY (%(topics)s) AND facts.position <= %(position)s
   AND facts.position <> ALL (%(left_out)s)
   AND (facts.topic <> 'order.placed'
        OR position('"charge_index":0' IN convert_from(facts.state, 'UTF8')) > 0)
"""
# Of facts that were true by then, the one recorded last has the last word.
STAYS: LiteralString = """
SELECT membership_id,
       (array_agg(stream_id) FILTER (WHERE topic = 'member.joined'))[1] AS member_id,
       bool_or(topic = 'order.placed' AND charge_index = '0' AND mode <> %(mode)s) AS is_apart,
       ((array_agg(plan_id) FILTER (WHERE topic = 'member.joined'))[1])::uuid AS plan_id,
       (array_agg(discount) FILTER (WHERE topic = 'member.joined'))[1] AS discount,
       (array_agg(terms ORDER BY position DESC)
           FILTER (WHERE topic IN ('member.joined', 'member.price_moved')))[1] AS terms,
       max(position) FILTER (WHERE topic IN ('member.joined', 'member.price_moved')) AS priced_at,
       min(position) FILTER (WHERE topic = 'member.joined') AS joined_in,
       (array_agg(topic ORDER BY position DESC) FILTER (WHERE bills))[1] AS billing,
       max(position) FILTER (WHERE bills) AS billed_at,
       ((array_agg(access_until ORDER BY position DESC)
           FILTER (WHERE bills OR topic = 'member.self_cancelled'))[1])::timestamptz
           AS access_until,
       ((array_agg(retry_at ORDER BY position DESC)
           FILTER (WHERE ends OR (bills AND topic <> 'member.instalments_completed')
                      OR topic = 'member.self_cancelled'))[1])::timestamptz AS retry_at,
       coalesce((array_agg(topic ORDER BY position DESC) FILTER (
           WHERE topic IN ('member.self_cancelled', 'member.cancellation_withdrawn')))[1]
           = 'member.self_cancelled', false) AS is_cancelled,
       (array_agg(occurred_at ORDER BY position DESC) FILTER (WHERE ends))[1] AS ended_at
  FROM told WHERE occurred_at <= %(at)s OR topic = 'order.placed'
 GROUP BY membership_id HAVING bool_or(topic = 'member.joined')
"""
# In a mode that is not the site's a membership is worth nothing (OR9).
PRICED: LiteralString = """
SELECT stays.*, (terms ->> 'every')::bigint * 12 AS denominator,
       terms -> 'amount' ->> 'currency' AS currency,
       CASE terms ->> 'unit' WHEN 'week' THEN 52 WHEN 'month' THEN 12 ELSE 1 END AS times,
       (terms -> 'amount' ->> 'minor')::bigint AS full_price,
       CASE WHEN (discount ->> 'every_payment')::boolean
            THEN (discount ->> 'percent')::bigint END AS percent,
       CASE WHEN (discount ->> 'every_payment')::boolean
            THEN (discount -> 'amount' ->> 'minor')::bigint END AS cut
  FROM stays
 WHERE terms ->> 'model' = 'recurring' AND NOT is_apart
   AND billing NOT IN ('member.action_required', 'member.instalments_completed')
   AND (ended_at IS NULL OR ended_at > %(at)s)
   AND (access_until IS NULL OR access_until > %(at)s
        OR NOT (is_cancelled OR (billing = 'member.past_due' AND retry_at IS NULL)))
"""
WORTH: LiteralString = """
WITH told AS ({told}), stays AS ({stays}), priced AS ({priced})
SELECT membership_id, member_id, plan_id, currency, denominator, priced_at, billed_at, joined_in,
       times * CASE WHEN percent IS NOT NULL THEN full_price - (full_price * percent + 50) / 100
                    WHEN cut IS NOT NULL THEN greatest(0, full_price - cut)
                    ELSE full_price END AS numerator
  FROM priced
 WHERE (%(currency)s::text IS NULL OR currency = %(currency)s)
   AND (%(plan_id)s::uuid IS NULL OR plan_id = %(plan_id)s)
"""
# Sums by currency and denominator, then a page: what is hard to find is looked for once.
SUMS_AND_PAGE: LiteralString = """
WITH worth AS MATERIALIZED ({worth})
(SELECT NULL::uuid AS membership_id, NULL::uuid AS member_id, NULL::uuid AS plan_id, currency,
        sum(numerator)::bigint AS numerator, denominator, NULL::bigint AS priced_at,
        NULL::bigint AS billed_at, count(*) AS memberships
   FROM worth WHERE numerator > 0 GROUP BY currency, denominator)
UNION ALL
(SELECT membership_id, member_id, plan_id, currency, numerator, denominator, priced_at, billed_at,
        1 FROM worth
  WHERE numerator > 0 AND (%(after)s::uuid IS NULL OR membership_id > %(after)s)
  ORDER BY membership_id LIMIT %(limit)s)
"""
# What is no amount is left out: whose it is, is apart.
STATED: LiteralString = """
SELECT view.currencies[place] AS currency, view.denominators[place] AS denominator,
       view.plan_ids[place] AS plan_id, view.member_id,
       view.numerators[place] AS numerator, view.steps[place] AS step
  FROM timelines AS view, generate_subscripts(view.changed_at, 1) AS place
 WHERE view.changed_at[place] <= %(at)s
   AND (%(currency)s::text IS NULL OR view.currencies[place] = %(currency)s)
   AND (%(plan_id)s::uuid IS NULL OR view.plan_ids[place] = %(plan_id)s)
   AND view.currencies[place] IS NOT NULL AND view.denominators[place] <> 0
   AND view.numerators[place] IS NOT NULL AND view.steps[place] IS NOT NULL
"""
STATED_SUMS: LiteralString = """
SELECT currency, denominator, sum(numerator), sum(step)
  FROM ({stated}) AS stated GROUP BY currency, denominator
"""
SUMS_BY_PLAN: LiteralString = """
SELECT currency, plan_id, denominator, sum(numerator)::bigint, count(*)
  FROM ({worth}) AS worth WHERE numerator > 0 GROUP BY currency, plan_id, denominator
"""
STATED_BY_PLAN: LiteralString = """
SELECT currency, plan_id, denominator, sum(numerator), sum(step)
  FROM ({stated}) AS stated GROUP BY currency, plan_id, denominator
"""
# Who joined, in the order of the books: a page of memberships begins anywhere at once.
JOINED = """
SELECT position, stream_id
  FROM ledger.facts
 WHERE topic = 'member.joined' AND position > %(after)s AND position <= %(position)s
   AND position <> ALL (%(left_out)s)
   AND (%(plan_id)s::uuid IS NULL
        OR position(%(plan_id)s::text IN convert_from(state, 'UTF8')) > 0)
 ORDER BY position LIMIT %(joined)s
"""
OF_MEMBERS: LiteralString = " AND facts.subject_id = ANY (%(member_ids)s)"
WORTHS: LiteralString = """
SELECT membership_id, member_id, plan_id, currency, numerator, denominator, joined_in
  FROM ({worth}) AS worth
 WHERE numerator > 0 AND joined_in = ANY (%(positions)s) ORDER BY joined_in
"""
# No two fractions of these denominators lie nearer to each other than this.
APART: LiteralString = """
SELECT DISTINCT coalesce(own.member_id, books.member_id)
  FROM (SELECT member_id, currency, sum(numerator::numeric / denominator) AS value,
               sum(step) AS memberships
          FROM ({stated}) AS stated GROUP BY member_id, currency) AS own
  FULL JOIN (SELECT member_id, currency, sum(numerator::numeric / denominator) AS value,
                    count(*) AS memberships
               FROM ({worth}) AS worth WHERE numerator > 0 GROUP BY member_id, currency) AS books
       USING (member_id, currency)
 WHERE abs(coalesce(own.value, 0) - coalesce(books.value, 0)) > 0.00000001
    OR coalesce(own.memberships, 0) <> coalesce(books.memberships, 0)
 ORDER BY 1 LIMIT %(most)s
"""
RECORDS = """
SELECT position, stream_id, version, topic, subject_id, recorded_at, state
  FROM ledger.facts
 WHERE position = ANY (%(positions)s)
    OR (stream_id, version) IN (SELECT * FROM unnest(%(streams)s::uuid[], %(versions)s::bigint[]))
 ORDER BY position
"""
