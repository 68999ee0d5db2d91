import type { Ops } from '@agentfleet/adapters'
import {
  given,
  DEATH_WINDOW_MS,
  QUARANTINE_MS,
  rememberDeath,
  type PastDeath,
} from '@agentfleet/domain'
import type { Incident } from '@agentfleet/protocol'
import { settleWithin, type Clock, type Logger } from '@agentfleet/runtime'

/**
 * The incidents of the last ten minutes from all replicas: folded from OPS, so that it survives a
 * restart and is the same everywhere.
 *
 * Invariants: records are folded once and in order; only the last record of an incident counts;
 * records older than the window are dropped.
 */
export type RecentIncidents = ReturnType<typeof createRecentIncidents>

/** Records read at once: a few hundred milliseconds. */
const READ_MAX = 500
const CATCH_UP_WITHIN_MS = 5_000

/** Knows no incident until the first `catchUp`. */
export function createRecentIncidents(deps: {
  readonly ops: Ops
  readonly clock: Clock
  readonly log: Logger
}) {
  const { ops, clock, log } = deps
  let deaths: readonly PastDeath[] = []
  const actions = new Map<string, { readonly nodeId: string } & NonNullable<Incident['action']>>()
  let readSeq: number | undefined
  let reading: Promise<void> | undefined

  const fold = (incident: Incident): void => {
    const nowMs = clock.nowMs()
    if (nowMs - incident.detectedAtMs >= DEATH_WINDOW_MS) return
    deaths = rememberDeath(deaths, deathOf(incident), nowMs)
    if (incident.action !== undefined) {
      actions.set(incident.id, { nodeId: incident.nodeId, ...incident.action })
    }
    for (const [id, { startedAtMs }] of actions) {
      if (nowMs - startedAtMs >= DEATH_WINDOW_MS) actions.delete(id)
    }
  }

  const read = async (): Promise<void> => {
    for (let more = true; more;) {
      const page = await ops.incidentsAfter(readSeq, READ_MAX)
      for (const { record } of page.records) fold(record)
      readSeq = page.seq
      more = page.more
    }
  }

  return {
    /** Reads new records; returns false if it could not read all of them in time. */
    async catchUp(): Promise<boolean> {
      reading ??= read().finally(() => (reading = undefined))
      try {
        return await settleWithin(reading, CATCH_UP_WITHIN_MS)
      } catch (error) {
        log.warn({ err: error }, 'Recovery could not read its earlier incidents')
        return false
      }
    },
    /** Adds what only this process knows about a death: all of its tasks. */
    add(death: PastDeath): void {
      deaths = rememberDeath(deaths, death, clock.nowMs())
    },
    deaths: () => deaths,
    /** Returns the number of replacements ordered within the window. */
    replacements: () =>
      [...actions.values()].filter(
        ({ kind, outcome, startedAtMs }) =>
          kind === 'replace' &&
          (outcome === 'done' || outcome === 'under-way') &&
          clock.nowMs() - startedAtMs < DEATH_WINDOW_MS,
      ).length,
    /** Returns the nodes in quarantine, each with the end of its quarantine. */
    quarantined(): ReadonlyMap<string, number> {
      const ends = new Map<string, number>()
      for (const { nodeId, kind, startedAtMs } of actions.values()) {
        const untilMs = startedAtMs + QUARANTINE_MS
        if (kind !== 'quarantine' || untilMs <= clock.nowMs()) continue
        ends.set(nodeId, Math.max(untilMs, ends.get(nodeId) ?? 0))
      }
      return ends
    },
  }
}

/** Converts an incident to a past death. */
export function deathOf(incident: Incident): PastDeath {
  const { nodeId, incarnation, detectedAtMs, host, taskIds } = incident
  // A process that was only silent may continue, so its age reveals nothing about its image.
  const ended = incident.reason === 'connection-gone' || incident.reason === 'restarted'
  const uptimeMs = ended ? incident.uptimeMs : undefined
  return { nodeId, incarnation, atMs: detectedAtMs, ...given({ host, uptimeMs }), taskIds }
}
