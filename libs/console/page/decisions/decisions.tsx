import { plural, usd } from '@agentfleet/domain'
import type { DecisionView } from '@agentfleet/protocol'
import { useRead } from '../api/load.ts'
import { ChoiceFilter } from '../parts/filters/choice.tsx'
import { Facts } from '../parts/facts.tsx'
import { Time, Typed } from '../parts/filters/field.tsx'
import { figureText, figuresText } from '../parts/figures-text.ts'
import { ListingTable } from '../parts/tables/listing.tsx'
import { Record } from '../parts/record.tsx'
import { Table, type Column } from '../parts/tables/table.tsx'
import { Text } from '../parts/text.tsx'
import { Ago, Instant } from '../parts/time.tsx'
import { linkTo, place } from '../shell/router.ts'
import { outcomeRows, type OutcomeRow } from './outcome-rows.ts'

const EVERY_MS = 5_000
const SERVICES = ['autoscaler', 'recovery', 'health-monitor', 'load-balancer'] as const

const ACTED = [
  ['true', 'acted'],
  ['false', 'only recorded'],
] as const

const COLUMNS: readonly Column<DecisionView>[] = [
  { title: 'Decision', of: ({ id, kind }) => <a href={linkTo('decisions', id)}>{kind}</a> },
  { title: 'At', of: ({ atMs }) => <Ago at={atMs} /> },
  { title: 'Service', of: ({ service }) => service },
  { title: 'Acted', of: ({ acted }) => (acted ? 'yes' : 'no') },
  { title: 'About', of: ({ about }) => about ?? '—' },
  { title: 'Reason', kind: 'wide', of: ({ reason }) => reason },
  { title: 'Adviser', of: ({ advice }) => (advice === undefined ? '—' : advice.outcome) },
]

/** The view of the decisions with their reasons. */
export function Decisions() {
  const { service, kind, about, acted, from, to } = place.value.query
  return (
    <>
      <h1 tabIndex={-1}>Decisions</h1>
      <ChoiceFilter name="service" label="Service" all="all services" of={SERVICES} />
      <ChoiceFilter name="acted" label="Acted" all="all decisions" of={ACTED} />
      <div class="row filters" role="search" aria-label="Filters of the decisions">
        <Typed name="kind" label="Kind" />
        <Typed name="about" label="About" />
        <Time name="from" label="From" />
        <Time name="to" label="to" />
      </div>
      <ListingTable
        of="decisions"
        query={{ service, kind, about, acted, from, to }}
        everyMs={EVERY_MS}
        caption="Decisions, newest first"
        columns={COLUMNS}
        keyOf={({ id }) => id}
        empty="No recent decision matches."
        end="This is the end: the gateway keeps the latest 2,000 decisions."
      />
    </>
  )
}

function outcomeColumns(outcomes: DecisionView['outcomes']): readonly Column<OutcomeRow>[] {
  return [
    { title: 'Figure', of: ({ name }) => name },
    { title: 'Seen', kind: 'number', of: ({ name, seen }) => figureText(name, seen) },
    { title: 'Expected', kind: 'number', of: ({ name, expected }) => figureText(name, expected) },
    ...outcomes.map(({ afterMinutes }, index): Column<OutcomeRow> => ({
      title: `After ${plural(afterMinutes, 'minute')}`,
      kind: 'number',
      of: ({ name, measured }) => figureText(name, measured[index]),
    })),
  ]
}

/** One decision: seen, options, policy, advice, outcome. */
export function Decision({ id }: { id: string }) {
  const loaded = useRead<DecisionView>(`/v1/decisions/${encodeURIComponent(id)}`, EVERY_MS * 3)
  return (
    <Record kind="Decision" view="decisions" loaded={loaded}>
      {(decision) => <Details decision={decision} />}
    </Record>
  )
}

function Details({ decision }: { decision: DecisionView }) {
  const { kind, reason, acted, advice, outcomes } = decision
  return (
    <>
      <p class="headline">
        <strong>{kind}</strong> {reason}
      </p>
      <Facts
        of={[
          ['Service', `${decision.service} (${decision.by})`],
          ['At', <Instant key="at" at={decision.atMs} />],
          ['About', decision.about],
          [
            'Acted',
            acted ? `yes${decision.driver === undefined ? '' : `, by ${decision.driver}`}` : 'no',
          ],
        ]}
      />
      <h2>What it saw</h2>
      <p>{figuresText(decision.inputs) || 'Nothing is recorded.'}</p>
      <h2>The policy chose {decision.policy.kind}</h2>
      <p>{decision.policy.reason}</p>
      <h2>Options</h2>
      <Table
        caption="Options"
        columns={[
          { title: 'Option', of: (option) => option.kind },
          { title: 'Reason', kind: 'wide', of: (option) => option.reason },
          { title: 'Figures', of: (option) => figuresText(option.figures) },
        ]}
        rows={decision.options}
        keyOf={(option) => option.kind + option.reason + figuresText(option.figures)}
        empty="The decision records no other option."
      />
      {advice !== undefined && (
        <>
          <h2>Adviser: {advice.outcome}</h2>
          <p>
            {advice.model} in mode {advice.mode}, {Math.round(advice.tookMs)} ms,{' '}
            {usd(advice.costUsd)}
            {advice.clamped.length > 0 && `, ${plural(advice.clamped.length, 'value')} clamped`}
          </p>
          {advice.answer !== undefined && <p>{figuresText(advice.answer)}</p>}
          {advice.raw === undefined ? (
            <p class="muted">Only operators may read the raw answer of the adviser.</p>
          ) : (
            <Text value={advice.raw} label="Raw answer of the adviser" />
          )}
        </>
      )}
      <h2>Outcome</h2>
      <Table
        caption="Expected and measured outcomes"
        columns={outcomeColumns(outcomes)}
        rows={outcomeRows(decision)}
        keyOf={({ name }) => name}
        empty="Nothing is measured yet; outcomes come 1, 5 and 15 minutes after a decision."
      />
    </>
  )
}
