import type { OpsEntry } from '@agentfleet/adapters'
import { createNewest } from '@agentfleet/domain'
import type { Decision, DecisionOutcome, FilledQueryOf, Incident } from '@agentfleet/protocol'

/**
 * The latest decisions and incidents of the control plane, as reported on the stream OPS.
 *
 * Invariants (L7): at most DECISIONS_MAX decisions and INCIDENTS_MAX incidents are held, each kind with at most
 * RECORDS_MAX_BYTES; the oldest leave first. An outcome is held with its decision; an outcome without its decision is dropped. A
 * page continues after a record, so new records do not shift it.
 */
export type RecentDecisions = ReturnType<typeof createRecentDecisions>

/** A decision with the outcomes measured so far. */
export interface RecordedDecision {
  readonly decision: Decision
  readonly outcomes: readonly DecisionOutcome[]
  /** The sequence of its first record. */
  readonly seq: number
}

/** What subscribers are notified of. */
export type ControlPlaneChange =
  | { readonly topic: 'decisions'; readonly recorded: RecordedDecision }
  | { readonly topic: 'incidents'; readonly incident: Incident }

/** A page of a list; `next` is present if more records follow. */
export interface DecisionPage<T> {
  readonly found: readonly T[]
  readonly next?: string
}

/** Filters of the decisions. */
export type DecisionQuery = Omit<FilledQueryOf<'listDecisions', 'limit'>, PageParts> & {
  readonly fromMs?: number
  readonly beforeMs?: number
  readonly after?: string
}

/** Filters of the incidents. */
export type IncidentQuery = Omit<FilledQueryOf<'listIncidents', 'limit'>, PageParts> & {
  readonly after?: string
}

type PageParts = 'from' | 'to' | 'cursor'

/** A few kB each; covers many hours of a calm fleet. */
export const DECISIONS_MAX = 2_000
/** More incidents than a person looks through. */
export const INCIDENTS_MAX = 500
/** Bytes of the stored records: twice the size of so many usual ones. */
export const RECORDS_MAX_BYTES = 16 * 1024 * 1024
/** Three outcomes are usual; this bounds a service that measures more often. */
const OUTCOMES_MAX = 8

/** Creates an empty collection. */
export function createRecentDecisions() {
  /** In the order of their first records. */
  const decisions = createNewest<string, Kept>({
    entriesMax: DECISIONS_MAX,
    bytesMax: RECORDS_MAX_BYTES,
  })
  const incidents = createNewest<string, Incident>({
    entriesMax: INCIDENTS_MAX,
    bytesMax: RECORDS_MAX_BYTES,
  })

  const keep = (recorded: RecordedDecision, bytes: number): ControlPlaneChange => {
    const { id, service, kind } = recorded.decision
    const before = decisions.get(id)?.bytes ?? 0
    // What a decision takes only grows: its outcomes are added to it.
    const total = Math.max(before, bytes)
    // Tenants cause some kinds, such as placements with advice; those push out no other kind.
    decisions.set(id, { recorded, bytes: total }, total, `${service} ${kind}`)
    return { topic: 'decisions', recorded }
  }

  function takeDecision(decision: Decision, seq: number, bytes: number): ControlPlaneChange {
    const known = decisions.get(decision.id)?.recorded
    // A service repeats a decision when advice arrives later or when it does not know whether the
    // first record was stored.
    return keep(known ? { ...known, decision } : { decision, outcomes: [], seq }, bytes)
  }

  function takeOutcome(outcome: DecisionOutcome, bytes: number): ControlPlaneChange | undefined {
    const kept = decisions.get(outcome.decisionId)
    if (kept === undefined) return undefined
    const { recorded: known } = kept
    const outcomes = known.outcomes
      .filter(({ afterMinutes }) => afterMinutes !== outcome.afterMinutes)
      .concat(outcome)
      .sort((a, b) => a.afterMinutes - b.afterMinutes)
      .slice(0, OUTCOMES_MAX)
    return keep({ ...known, outcomes }, kept.bytes + bytes)
  }

  return {
    /** Adds a record; returns undefined if the record changes nothing. */
    take(entry: OpsEntry): ControlPlaneChange | undefined {
      switch (entry.kind) {
        case 'decision':
          return takeDecision(entry.decision, entry.seq, entry.bytes)
        case 'outcome':
          return takeOutcome(entry.outcome, entry.bytes)
        case 'incident':
          incidents.set(entry.incident.id, entry.incident, entry.bytes)
          return { topic: 'incidents', incident: entry.incident }
      }
    },
    decision: (id: string) => decisions.get(id)?.recorded,
    /** Returns matching decisions, newest first, after the position of the previous page. */
    decisions({ limit, after, ...query }: DecisionQuery): DecisionPage<RecordedDecision> {
      const before = after === undefined ? Number.POSITIVE_INFINITY : Number(after)
      const matching = Array.from(decisions.values(), ({ recorded }) => recorded)
        .reverse()
        .filter((recorded) => recorded.seq < before && matches(recorded, query))
      return pageOf(matching, limit, ({ seq }) => String(seq))
    },
    incident: (id: string) => incidents.get(id),
    /** Returns matching incidents, latest detection first. */
    incidents({ state, node, limit, after }: IncidentQuery): DecisionPage<Incident> {
      const end = after === undefined ? undefined : placeOf(after)
      const matching = [...incidents.values()]
        .filter(
          (incident) =>
            (end === undefined || newestFirst(end, incident) < 0) &&
            (state === undefined || incident.state === state) &&
            (node === undefined || incident.nodeId === node),
        )
        .sort(newestFirst)
      return pageOf(matching, limit, ({ detectedAtMs, id }) => `${detectedAtMs}:${id}`)
    },
  }
}

interface Kept {
  readonly recorded: RecordedDecision
  readonly bytes: number
}

function matches(
  { decision, outcomes }: RecordedDecision,
  query: Omit<DecisionQuery, 'limit' | 'after'>,
): boolean {
  const { service, kind, about, acted, measured, fromMs, beforeMs } = query
  return (
    (service === undefined || decision.service === service) &&
    (kind === undefined || decision.kind === kind) &&
    (about === undefined || decision.about === about) &&
    (acted === undefined || decision.acted === acted) &&
    (measured === undefined || outcomes.length > 0 === measured) &&
    (fromMs === undefined || decision.atMs >= fromMs) &&
    (beforeMs === undefined || decision.atMs < beforeMs)
  )
}

type Place = Pick<Incident, 'detectedAtMs' | 'id'>

function newestFirst(a: Place, b: Place): number {
  if (a.detectedAtMs !== b.detectedAtMs) return b.detectedAtMs - a.detectedAtMs
  return a.id < b.id ? 1 : Number(a.id !== b.id) * -1
}

function placeOf(after: string): Place {
  const at = after.indexOf(':')
  return { detectedAtMs: Number(after.slice(0, at)), id: after.slice(at + 1) }
}

function pageOf<T>(
  matching: readonly T[],
  limit: number,
  position: (last: T) => string,
): DecisionPage<T> {
  const found = matching.slice(0, limit)
  const last = found.at(-1)
  return last === undefined || matching.length === found.length
    ? { found }
    : { found, next: position(last) }
}
