/**
 * Patterns among recent deaths: a node that dies again and again, a machine, a task that was running each
 * time. The learned state is a plain list, oldest first, folded from incidents.
 */

/** One remembered death. */
export interface PastDeath {
  readonly nodeId: string
  readonly incarnation: number
  readonly atMs: number
  /** The machine it ran on, when known. */
  readonly host?: string
  /** How long the process had run, when known, milliseconds. */
  readonly uptimeMs?: number
  /** Tasks that were running on it (a bounded part of them). */
  readonly taskIds: readonly string[]
}

/**
 * Deaths within this time are considered together, milliseconds: long enough for three backoffs of a crash
 * loop.
 */
export const DEATH_WINDOW_MS = 600_000
/** A fleet of twenty nodes, each dying ten times within the window. */
const DEATHS_MAX = 200
/** A machine serves no node well with more slots; more ids add nothing. */
const TASKS_OF_DEATH_MAX = 1_000
/** One death is chance, two are bad luck, three are a pattern. */
export const PATTERN_MIN = 3

/** Adds a death, or new facts about it, and forgets deaths outside the window. */
export function rememberDeath(
  deaths: readonly PastDeath[],
  death: PastDeath,
  nowMs: number,
): readonly PastDeath[] {
  const known = deaths.find((other) => sameDeath(other, death))
  // A record on OPS names only a few tasks; the process that handled the death knows more tasks.
  const taskIds =
    known !== undefined && known.taskIds.length > death.taskIds.length
      ? known.taskIds
      : death.taskIds.slice(0, TASKS_OF_DEATH_MAX)
  return [...deaths.filter((other) => !sameDeath(other, death)), { ...known, ...death, taskIds }]
    .filter(({ atMs }) => nowMs - atMs < DEATH_WINDOW_MS)
    .sort((a, b) => a.atMs - b.atMs)
    .slice(-DEATHS_MAX)
}

function sameDeath(a: PastDeath, b: PastDeath): boolean {
  return a.nodeId === b.nodeId && a.incarnation === b.incarnation
}

/** Figures of a death, compared with the other deaths of the window. */
export interface DeathPattern {
  /** Deaths of this node, including this death. */
  readonly ofNode: number
  /** Deaths on this node's machine; 0 when the machine is not known. */
  readonly ofHost: number
  readonly ofFleet: number
  /** Deaths of processes that had only just started. */
  readonly young: number
}

/** A process that dies within its first minute has hardly run: its image is a likelier cause than its load. */
const YOUNG_MS = 60_000

/** Compares one death with the other deaths of the window. */
export function patternOf(
  deaths: readonly PastDeath[],
  { nodeId, host }: Pick<PastDeath, 'nodeId' | 'host'>,
  nowMs: number,
): DeathPattern {
  const recent = deaths.filter(({ atMs }) => nowMs - atMs < DEATH_WINDOW_MS)
  return {
    ofNode: recent.filter((death) => death.nodeId === nodeId).length,
    ofHost: host === undefined ? 0 : recent.filter((death) => death.host === host).length,
    ofFleet: recent.length,
    young: recent.filter(({ uptimeMs }) => uptimeMs !== undefined && uptimeMs < YOUNG_MS).length,
  }
}

/** Tasks that were running at three deaths or more, the most frequent first: the likely cause. */
export function suspectTasks(deaths: readonly PastDeath[], nowMs: number): readonly string[] {
  const seen = new Map<string, number>()
  for (const { atMs, taskIds } of deaths) {
    if (nowMs - atMs >= DEATH_WINDOW_MS) continue
    for (const taskId of new Set(taskIds)) seen.set(taskId, (seen.get(taskId) ?? 0) + 1)
  }
  return [...seen]
    .filter(([, count]) => count >= PATTERN_MIN)
    .sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1))
    .map(([taskId]) => taskId)
}

/** Whether the log of a task shows that it loses its nodes: attempts that began and were never reported. */
export function losesItsNodes(task: {
  readonly attempt: number
  readonly failures: number
  readonly pauses: number
}): boolean {
  return task.attempt - task.failures - task.pauses >= PATTERN_MIN
}

/** Length of a quarantine, milliseconds. */
export const QUARANTINE_MS = 300_000

/** The cost of a quarantine for the fleet. */
interface QuarantineSituation {
  readonly deathsOfNode: number
  /** Other living nodes, and nodes already in quarantine. */
  readonly othersAlive: number
  readonly quarantined: number
}

type QuarantineDecision =
  | { readonly kind: 'quarantine'; readonly untilMs: number; readonly reason: 'flapping' }
  | { readonly kind: 'none'; readonly reason: 'steady' | 'last-node' | 'too-many-quarantined' }

/** Three deaths within the window put a node into quarantine; never the last one, never more than a third. */
export function decideQuarantine(
  { deathsOfNode, othersAlive, quarantined }: QuarantineSituation,
  nowMs: number,
): QuarantineDecision {
  if (deathsOfNode < PATTERN_MIN) return { kind: 'none', reason: 'steady' }
  if (othersAlive < 1) return { kind: 'none', reason: 'last-node' }
  const nodes = othersAlive + 1 + quarantined
  if (quarantined + 1 > Math.max(1, Math.floor(nodes / 3))) {
    return { kind: 'none', reason: 'too-many-quarantined' }
  }
  return { kind: 'quarantine', untilMs: nowMs + QUARANTINE_MS, reason: 'flapping' }
}
