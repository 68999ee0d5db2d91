import {
  FAILURE_ACTIONS,
  FAILURE_IMPACTS,
  FAILURE_PREVENTIONS,
  FAILURE_STRATEGIES,
} from '@agentfleet/domain'
import { z } from 'zod'
import { heartbeatSchema, idSchema as id } from './heartbeat.ts'
import { count, durationMs, instantMs, share, whole } from './values/numbers.ts'

/**
 * Messages of the control plane about the fleet and itself: deaths, snapshots, decisions, incidents. Unknown
 * fields are dropped, so that a newer sender does not break an older receiver.
 */

/** Figures of one decision, its options and its outcome: more would not be read. */
const FIGURES_MAX = 64
/** Numbers, names and switches only: the inputs of a decision must stay small and never hold a task's text. */
const figures = z
  .record(z.string().max(64), z.union([z.number(), z.string().max(256), z.boolean()]))
  .refine((given) => Object.keys(given).length <= FIGURES_MAX, {
    message: `must have at most ${FIGURES_MAX} figures`,
  })
export type Figures = z.infer<typeof figures>

/** The death of one incarnation of a node, on OPS. */
export const deathSchema = z.object({
  nodeId: id,
  incarnation: whole,
  state: z.enum(['dead']),
  /** Distinguishes a node that continues after a pause from a new process under its name. */
  startedAtMs: instantMs.optional(),
  /** How long the process had run at its last heartbeat, by its own clock. */
  uptimeMs: durationMs.optional(),
  reason: z.string().max(256),
  phi: z.number().min(0),
  silentMs: durationMs,
  atMs: instantMs,
})
export type Death = z.infer<typeof deathSchema>

/** Which secret the name of a node belongs to, on OPS. */
export const identitySchema = z.object({
  /** SHA-256 of the secret: a reader cannot connect with it. */
  digest: z.string().max(64),
  atMs: instantMs,
})
export type Identity = z.infer<typeof identitySchema>

/** One node within a snapshot. */
export const nodeSnapshotSchema = heartbeatSchema.omit({ atMs: true }).extend({
  /** `stalled`: it sends heartbeats and does not progress; it is asked to drain and gets no work. */
  state: z.enum(['alive', 'suspect', 'stalled', 'dead']),
  heartbeatAgeMs: durationMs,
  /** Whether Consul lists it as passing: load balancers use only such nodes. Absent: it is not known. */
  passing: z.boolean().optional(),
  /** How often it fell silent within the last ten minutes. */
  flaps: count.optional(),
})
/** Totals of the cluster at one time: the figures of the autoscaler and of people. */
export const totalsSchema = z.object({
  atMs: instantMs,
  /** Nodes that take work: alive and not draining; `slots` are theirs. */
  activeNodes: whole,
  slots: whole,
  /** Attempts on all nodes that are not dead. */
  running: whole,
  /** Tasks that wait for a node: pointers on TASKS of tasks that no node has taken. */
  queued: whole,
  /** Means over the nodes that are not dead; `responseMs` over those that have completed a task. */
  cpu: share,
  memory: share,
  responseMs: durationMs,
  /** Attempts that ended, of all nodes ever seen, including those that are gone: the counts only grow. */
  completed: whole,
  failed: whole,
})
export type Totals = z.infer<typeof totalsSchema>

/** The cluster as the primary monitor sees it. */
export const snapshotSchema = z.object({
  atMs: instantMs,
  monitorId: id,
  nodes: z.array(nodeSnapshotSchema),
  /** Tasks that wait for a node: pointers on TASKS of tasks that no node has taken. */
  queued: whole,
  /** Attempts on all nodes that are not dead. */
  running: whole,
  /** When the pointers behind `queued` were counted; absent: not yet. */
  backlogAtMs: instantMs.optional(),
  totals: totalsSchema.optional(),
})
export type Snapshot = z.infer<typeof snapshotSchema>

/** The question to the adviser for one decision, and the outcome of its answer. */
export const adviceRecordSchema = z.object({
  mode: z.enum(['shadow', 'on']),
  /** `applied` only in mode `on`; `followed-policy`: applied, and it changed nothing. */
  outcome: z.enum([
    'applied',
    'followed-policy',
    'shadow',
    'expired',
    'invalid',
    'timeout',
    'refused',
    'over-budget',
    'circuit-open',
    'provider-failed',
    'cancelled',
    'pending',
  ]),
  model: z.string().max(128),
  /** Fingerprint of the rounded state that the question was about. */
  stateHash: z.string().max(64),
  cached: z.boolean(),
  askedAtMs: instantMs,
  tookMs: durationMs,
  costUsd: z.number().min(0),
  /** The answer after schema and clamps; absent when there is none. */
  answer: figures.optional(),
  /** The clamped fields, with their values before and after. */
  clamped: z.array(z.object({ field: z.string(), from: z.unknown(), to: z.unknown() })).max(32),
  /** The raw text of the answer, cut to 2,000 characters. */
  raw: z.string().max(2_000).optional(),
})
export type AdviceRecord = z.infer<typeof adviceRecordSchema>

const choice = z.object({ kind: z.string().max(64), reason: z.string().max(256), figures })
/** A decision of a control loop, on OPS: its inputs, its options, its choice and the reason. */
export const decisionSchema = z.object({
  id,
  service: id,
  /** The process that decided. */
  by: id,
  /** The choice: scale-out, scale-in, hold, eject, restore, advise, … */
  kind: z.string().max(64),
  reason: z.string().max(256),
  atMs: instantMs,
  /** The subject: a node, a task, a deployment. */
  about: z.string().max(128).optional(),
  inputs: figures,
  /** The options, best first. */
  options: z.array(choice).max(32),
  /** The choice of the deterministic policy alone. */
  policy: choice,
  advice: adviceRecordSchema.optional(),
  /** Whether the choice was carried out, and by which driver. */
  acted: z.boolean(),
  driver: z.string().max(64).optional(),
})
export type Decision = z.infer<typeof decisionSchema>

/** When the outcome of a decision is measured, minutes after it. */
export const OUTCOME_AFTER_MINUTES = [1, 5, 15] as const

/** A day: no outcome is measured later. */
const MINUTES_MAX = 1_440

/** The measured outcome of an earlier decision, on OPS. */
export const outcomeOfDecisionSchema = z.object({
  decisionId: id,
  service: id,
  afterMinutes: z.number().min(0).max(MINUTES_MAX),
  atMs: instantMs,
  figures,
})
export type DecisionOutcome = z.infer<typeof outcomeOfDecisionSchema>

/** The method of an incident's analysis. */
const analysisSchema = z.object({
  by: z.enum(['policy', 'adviser']),
  action: z.enum(FAILURE_ACTIONS),
  strategy: z.enum(FAILURE_STRATEGIES),
  impact: z.enum(FAILURE_IMPACTS),
  prevention: z.array(z.enum(FAILURE_PREVENTIONS)).max(4),
  reason: z.string().max(256),
  atMs: instantMs,
  advice: adviceRecordSchema.optional(),
})

/**
 * The handling of one failure, on OPS. Each stage writes the whole record again, so the last message of its
 * subject is complete.
 */
export const incidentSchema = z.object({
  id,
  nodeId: id,
  incarnation: whole,
  /** Why the monitor declared the node dead. */
  reason: z.string().max(256),
  state: z.enum(['open', 'closed']),
  by: id,
  /** The machine that the node ran on, when the orchestrator knows it. */
  host: z.string().max(253).optional(),
  /** How long the process had run when it was last heard. */
  uptimeMs: durationMs.optional(),
  /** How long the node had been silent when it was declared dead. */
  silentMs: durationMs,
  detectedAtMs: instantMs,
  openedAtMs: instantMs,
  redistributedAtMs: instantMs.optional(),
  /** Tasks that the node held, and how many of their pointers were given back. */
  tasks: count,
  redistributed: count,
  /** A few of the affected tasks. */
  taskIds: z.array(id).max(100),
  /** Tasks that were running on several nodes that died: the likely cause. */
  suspectTasks: z.array(id).max(20),
  analysis: analysisSchema.optional(),
  action: z
    .object({
      kind: z.enum(['restart', 'replace', 'investigate', 'quarantine', 'none']),
      reason: z.string().max(256),
      driver: z.string().max(64),
      startedAtMs: instantMs,
      endedAtMs: instantMs.optional(),
      outcome: z.enum(['done', 'failed', 'under-way', 'not-needed']),
    })
    .optional(),
  outcome: z
    .object({
      kind: z.enum(['recovered', 'resumed', 'unresolved']),
      reason: z.string().max(256),
      atMs: instantMs,
      figures,
    })
    .optional(),
})
export type Incident = z.infer<typeof incidentSchema>

/** Hint: the totals of the last hour, oldest first, from the health monitor. */
export const historySchema = z.object({ monitorId: id, totals: z.array(totalsSchema).max(400) })
export type History = z.infer<typeof historySchema>
