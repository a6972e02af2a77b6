-- The sandbox tells what happens by itself, like a real company: a sheet spans all that happens on
-- it, and its state says when each thing did.

drop index sandbox.sheets_moved;
alter table sandbox.sheets rename column moved_from to first_at;
alter table sandbox.sheets rename column moved_until to last_at;

update sandbox.sheets
set state = (state - 'settles_at' - 'detached') || jsonb_build_object(
        'action_at', case when state->>'status' = 'action_required' then state->'made_at' end,
        'decided_at', coalesce(nullif(state->'settles_at', 'null'), state->'made_at'),
        'detached_at', case when (state->>'detached')::boolean then state->'made_at' end,
        'mandate_ended_at', null,
        'renewed_at', null,
        'refunds', (
            select coalesce(jsonb_agg(made || '{"made_there": false}' order by number), '[]')
            from jsonb_array_elements(state->'refunds') with ordinality as refunds (made, number)
        ),
        'disputes', '[]'::jsonb,
        'made_there', false
    ),
    -- Until the fee is known, ten minutes after the payment; and from when it was asked.
    first_at = (state->>'made_at')::timestamptz,
    last_at = greatest(last_at, (state->>'settles_at')::timestamptz + interval '10 minutes',
                       (state->>'made_at')::timestamptz)
where state->>'kind' in ('setup', 'payment');

create index sheets_span on sandbox.sheets (last_at, first_at) where last_at is not null;
