import {
  given,
  losesItsNodes,
  patternOf,
  suspectTasks,
  type PastDeath,
  type FailureEvidence,
} from '@agentfleet/domain'
import type { ProcessView } from '@agentfleet/orchestrator'
import type { Figures, Incident, Snapshot, Death } from '@agentfleet/protocol'
import type { PartDeps } from '../deps.ts'
import { deathOf } from './recent-incidents.ts'

/** The evidence of a failure. */
export interface Found {
  readonly evidence: FailureEvidence
  /** Tasks of this node that ran at several deaths. */
  readonly suspects: readonly string[]
  readonly host?: string
  /** The number of living nodes before the death; undefined without a snapshot. */
  readonly nodesBefore: number | undefined
}

/** Records read for their lost attempts; the likeliest suspects come first. */
const RECORDS_MAX = 200
/** The most tasks that an incident may name. */
const TASKS_NAMED_MAX = 100
const SUSPECTS_MAX = 20

/** Returns the tasks that an incident names: those that ran at other deaths first. */
export function namedTasks(taskIds: readonly string[], deaths: readonly PastDeath[]): string[] {
  if (taskIds.length <= TASKS_NAMED_MAX) return [...taskIds]
  const seen = new Map<string, number>()
  for (const death of deaths) {
    for (const taskId of death.taskIds) seen.set(taskId, (seen.get(taskId) ?? 0) + 1)
  }
  return [...taskIds]
    .sort((a, b) => (seen.get(b) ?? 0) - (seen.get(a) ?? 0))
    .slice(0, TASKS_NAMED_MAX)
}

/** Gathers the evidence of one failure; omits what cannot be read instead of waiting. */
export async function gatherEvidence(
  deps: PartDeps,
  death: Death,
  incident: Incident,
  redistribution: { readonly taskIds: readonly string[]; readonly notesReadable: boolean },
): Promise<Found> {
  const { fleet, recent, orchestrator, clock } = deps
  const { taskIds, notesReadable } = redistribution
  const [process] = await Promise.all([lookAt(deps, death.nodeId), recent.catchUp()])
  const host = process?.host ?? incident.host
  recent.add({ ...deathOf(incident), ...given({ host }), taskIds })
  const nowMs = clock.nowMs()
  const deaths = recent.deaths()
  const suspects = await suspectsAmong(deps, taskIds, deaths, nowMs)
  const nodes = fleet.latest()?.nodes ?? []
  const node = nodes.find(({ nodeId }) => nodeId === death.nodeId)
  const others = nodes.filter(({ nodeId, state }) => nodeId !== death.nodeId && state !== 'dead')
  const slots = others.reduce((sum, other) => sum + other.slots, 0)
  const last = node?.incarnation === death.incarnation ? node : undefined
  const evidence: FailureEvidence = {
    reason: death.reason,
    silentMs: death.silentMs,
    phi: death.phi,
    ...given({ last, uptimeMs: incident.uptimeMs }),
    successor: fleet.successor(death),
    pattern: patternOf(deaths, { nodeId: death.nodeId, ...given({ host }) }, nowMs),
    stranded: incident.tasks,
    notesReadable,
    freeCredits: fleet.credits(),
    othersAlive: others.length,
    capacityLost: node === undefined ? 0 : node.slots / Math.max(1, slots + node.slots),
    suspects: suspects.length,
    recentReplacements: recent.replacements(),
    orchestrator: {
      replaces: orchestrator.acts,
      restarts: orchestrator.restarts,
      ...given({ process }),
    },
  }
  return { evidence, suspects, ...given({ host }), nodesBefore: nodesBefore(fleet.latest(), death) }
}

/** Counts the nodes that were alive at the node's last heartbeat, including it but not replacements. */
function nodesBefore(snapshot: Snapshot | undefined, death: Death): number | undefined {
  const heardAtMs = death.atMs - death.silentMs
  const others = snapshot?.nodes.filter(
    ({ nodeId, state, startedAtMs }) =>
      nodeId !== death.nodeId && state !== 'dead' && startedAtMs <= heardAtMs,
  )
  return others && others.length + 1
}

async function lookAt(
  { orchestrator, log }: PartDeps,
  nodeId: string,
): Promise<ProcessView | undefined> {
  try {
    return await orchestrator.inspect(nodeId)
  } catch (error) {
    log.warn({ err: error, nodeId }, 'The orchestrator could not describe a dead node')
    return undefined
  }
}

/** Finds suspects by the remembered deaths and by the attempts that the log counted as lost. */
async function suspectsAmong(
  { store, log }: PartDeps,
  taskIds: readonly string[],
  deaths: readonly PastDeath[],
  nowMs: number,
): Promise<string[]> {
  const held = new Set(taskIds)
  const suspects = suspectTasks(deaths, nowMs).filter((taskId) => held.has(taskId))
  const looked = namedTasks(taskIds, deaths).slice(0, RECORDS_MAX)
  try {
    const records = await Promise.all(looked.map((taskId) => store.load(taskId)))
    const losing = records.flatMap((record) =>
      record !== undefined && losesItsNodes(record) ? [record.taskId] : [],
    )
    return [...new Set([...suspects, ...losing])].slice(0, SUSPECTS_MAX)
  } catch (error) {
    log.warn(
      { err: error },
      'Recovery could not read the task records; it looks for suspect tasks only in the records of deaths',
    )
    return suspects.slice(0, SUSPECTS_MAX)
  }
}

/** Returns the figures of the evidence for the decision record. */
export function figuresOf(evidence: FailureEvidence): Figures {
  const { last, pattern, orchestrator } = evidence
  return {
    reason: evidence.reason,
    silentMs: Math.round(evidence.silentMs),
    phi: Number(evidence.phi.toFixed(1)),
    successor: evidence.successor,
    deathsOfNode: pattern.ofNode,
    deathsOfHost: pattern.ofHost,
    deathsOfFleet: pattern.ofFleet,
    deathsYoung: pattern.young,
    stranded: evidence.stranded,
    notesReadable: evidence.notesReadable,
    freeCredits: evidence.freeCredits,
    othersAlive: evidence.othersAlive,
    capacityLost: Number(evidence.capacityLost.toFixed(3)),
    suspects: evidence.suspects,
    recentReplacements: evidence.recentReplacements,
    canReplace: orchestrator.replaces,
    canRestart: orchestrator.restarts,
    ...(evidence.uptimeMs === undefined ? {} : { uptimeMs: Math.round(evidence.uptimeMs) }),
    ...(last === undefined
      ? {}
      : {
          cpu: Number(last.cpu.toFixed(2)),
          memory: Number(last.memory.toFixed(2)),
          lagMs: Math.round(last.lagMs),
          active: last.active,
          slots: last.slots,
        }),
    ...(orchestrator.process === undefined
      ? {}
      : {
          processGone: orchestrator.process.gone,
          processRestarts: orchestrator.process.restarts,
          outOfMemory: orchestrator.process.outOfMemory,
        }),
  }
}
