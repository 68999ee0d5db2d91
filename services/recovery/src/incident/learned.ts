import type { Ops } from '@agentfleet/adapters'
import { DEATH_WINDOW_MS, QUARANTINE_MS, rememberDeath, type PastDeath } from '@agentfleet/domain'
import type { Incident } from '@agentfleet/protocol'
import { settleWithin, type Clock, type Logger } from '@agentfleet/runtime'

/**
 * What happened within the last ten minutes, by whichever replica it was handled: folded from the
 * incidents on OPS, so that it survives a restart and is the same everywhere.
 *
 * Invariants: a record is folded once, in its order; of an incident only its last record counts; what
 * is out of the window is forgotten.
 */
export interface Memory {
  /** Reads what others have recorded since; false when not all of it was read in time. */
  catchUp(): Promise<boolean>
  /** Adds what this process knows of a death beyond its record: every task of it. */
  add(death: PastDeath): void
  deaths(): readonly PastDeath[]
  /** Replacements ordered within the window. */
  replacements(): number
  /** Nodes in quarantine, with its end. */
  quarantined(): ReadonlyMap<string, number>
}

/** Records read at a time; some hundred milliseconds at the most. */
const READ_MAX = 500
const CATCH_UP_WITHIN_MS = 5_000

/** Nothing remembered until the first `catchUp`. */
export function createMemory(deps: {
  readonly ops: Ops
  readonly clock: Clock
  readonly log: Logger
}): Memory {
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
      page.incidents.forEach(fold)
      readSeq = page.seq
      more = page.more
    }
  }

  return {
    async catchUp() {
      reading ??= read().finally(() => (reading = undefined))
      try {
        return await settleWithin(reading, CATCH_UP_WITHIN_MS)
      } catch (error) {
        log.warn({ err: error }, 'earlier incidents not readable')
        return false
      }
    },
    add(death) {
      deaths = rememberDeath(deaths, death, clock.nowMs())
    },
    deaths: () => deaths,
    replacements: () =>
      [...actions.values()].filter(
        ({ kind, outcome, startedAtMs }) =>
          kind === 'replace' &&
          (outcome === 'done' || outcome === 'under-way') &&
          clock.nowMs() - startedAtMs < DEATH_WINDOW_MS,
      ).length,
    quarantined() {
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

/** An incident as the memory of deaths wants it. */
export function deathOf(incident: Incident): PastDeath {
  const { nodeId, incarnation, detectedAtMs, host, taskIds } = incident
  // A process that was only silent may go on: its age says nothing of its image.
  const ended = incident.reason === 'connection-gone' || incident.reason === 'restarted'
  const uptimeMs = ended ? incident.uptimeMs : undefined
  return {
    nodeId,
    incarnation,
    atMs: detectedAtMs,
    ...(host === undefined ? {} : { host }),
    ...(uptimeMs === undefined ? {} : { uptimeMs }),
    taskIds,
  }
}
