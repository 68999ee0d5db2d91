import {
  FAILURE_ACTIONS,
  FAILURE_IMPACTS,
  FAILURE_PREVENTIONS,
  FAILURE_STRATEGIES,
} from '@agentfleet/domain'
import { z } from 'zod'
import { heartbeatSchema } from './heartbeat.ts'

/**
 * What the control plane says of the fleet and of itself: deaths, snapshots, decisions, incidents.
 * Unknown fields are dropped, so that a newer sender does not break an older receiver.
 */

const id = z.string().min(1).max(128)
const count = z.number().int().nonnegative()
/** Numbers, names and switches only: what a decision saw must stay small and never hold a task's text. */
const figures = z.record(
  z.string().max(64),
  z.union([z.number(), z.string().max(256), z.boolean()]),
)
export type Figures = z.infer<typeof figures>

/** A death on one incarnation of a node, on OPS. */
export const deathSchema = z.object({
  nodeId: id,
  incarnation: count,
  state: z.enum(['dead']),
  /** Tells a node that goes on after a pause from a new process under its name. */
  startedAtMs: z.number().optional(),
  reason: z.string(),
  phi: z.number(),
  silentMs: z.number(),
  atMs: z.number(),
})
export type Death = z.infer<typeof deathSchema>

/** One node within a snapshot. */
export const nodeSnapshotSchema = heartbeatSchema.extend({
  /** `stalled`: it heartbeats and does not progress; it is asked to drain and gets no work. */
  state: z.enum(['alive', 'suspect', 'stalled', 'dead']),
  heartbeatAgeMs: z.number(),
  /** Whether Consul lists it as passing: load balancers use only such nodes. Absent: it is not known. */
  passing: z.boolean().optional(),
  /** How often it fell silent within the last ten minutes. */
  flaps: count.optional(),
})
/** Totals of the cluster at an instant: the figures of the autoscaler and of people. */
export const totalsSchema = z.object({
  atMs: z.number(),
  /** Nodes that take work: alive and not draining; `slots` are theirs. */
  activeNodes: count,
  slots: count,
  /** Attempts on all nodes that are not dead. */
  running: count,
  /** Pointers that wait to be fetched. */
  queued: count,
  /** Means over the nodes that are not dead; `responseMs` over those that have completed something. */
  cpu: z.number(),
  memory: z.number(),
  responseMs: z.number(),
  /** Attempts that ended, of all nodes ever heard, those that are gone among them: they only grow. */
  completed: count,
  failed: count,
})
export type Totals = z.infer<typeof totalsSchema>

/** The cluster as the health monitor sees it. */
export const snapshotSchema = z.object({
  atMs: z.number(),
  monitorId: id,
  nodes: z.array(nodeSnapshotSchema),
  /** Pointers on TASKS that wait to be fetched. */
  queued: count,
  /** Attempts on all nodes that are not dead. */
  running: count,
  /** When `queued` was read; absent: it is not known. */
  backlogAtMs: z.number().optional(),
  totals: totalsSchema.optional(),
})
export type Snapshot = z.infer<typeof snapshotSchema>

/** What was asked of the adviser for one decision, and what became of its answer. */
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
  /** Fingerprint of the bucketed state that was asked about. */
  stateHash: z.string().max(64),
  cached: z.boolean(),
  askedAtMs: z.number(),
  tookMs: z.number(),
  costUsd: z.number(),
  /** The answer after schema and clamps; absent when there is none. */
  answer: figures.optional(),
  /** What was out of bounds, and what it became. */
  clamped: z.array(z.object({ field: z.string(), from: z.unknown(), to: z.unknown() })).max(32),
  /** The raw text of the answer, cut to 2,000 characters. */
  raw: z.string().max(2_000).optional(),
})
export type AdviceRecord = z.infer<typeof adviceRecordSchema>

/** A decision of a control loop, on OPS: what it saw, what could be done, what was done and why. */
export const decisionSchema = z.object({
  id,
  service: id,
  /** Which process decided. */
  by: id,
  /** What was done: scale-out, scale-in, hold, eject, restore, advise, … */
  kind: z.string().max(64),
  reason: z.string().max(256),
  atMs: z.number(),
  /** What it is about: a node, a task, a deployment. */
  about: z.string().max(128).optional(),
  inputs: figures,
  /** What could have been done, best first. */
  options: z
    .array(z.object({ kind: z.string().max(64), reason: z.string().max(256), figures }))
    .max(32),
  /** What the deterministic policy alone said. */
  policy: z.object({ kind: z.string().max(64), reason: z.string().max(256), figures }),
  advice: adviceRecordSchema.optional(),
  /** Whether the world was changed, and by which driver. */
  acted: z.boolean(),
  driver: z.string().max(64).optional(),
})
export type Decision = z.infer<typeof decisionSchema>

/** After how long the outcome of a decision is measured, minutes. */
export const OUTCOME_AFTER_MINUTES = [1, 5, 15] as const

/** The measured outcome of an earlier decision, on OPS. */
export const outcomeOfDecisionSchema = z.object({
  decisionId: id,
  service: id,
  afterMinutes: z.number(),
  atMs: z.number(),
  figures,
})
export type DecisionOutcome = z.infer<typeof outcomeOfDecisionSchema>

/** How an incident was analysed. */
export const analysisSchema = z.object({
  by: z.enum(['policy', 'adviser']),
  action: z.enum(FAILURE_ACTIONS),
  strategy: z.enum(FAILURE_STRATEGIES),
  impact: z.enum(FAILURE_IMPACTS),
  prevention: z.array(z.enum(FAILURE_PREVENTIONS)).max(4),
  reason: z.string().max(256),
  atMs: z.number(),
  advice: adviceRecordSchema.optional(),
})
export type Analysis = z.infer<typeof analysisSchema>

/**
 * What happened around one failure, on OPS. Each stage writes the whole record again, so the last
 * message of its subject is all that is known.
 */
export const incidentSchema = z.object({
  id,
  nodeId: id,
  incarnation: count,
  /** Why the monitor gave its death. */
  reason: z.string().max(256),
  state: z.enum(['open', 'closed']),
  by: id,
  /** The machine that the node ran on, when the orchestrator knows it. */
  host: z.string().max(253).optional(),
  /** How long the process had run when it was last heard. */
  uptimeMs: z.number().optional(),
  /** How long the node had been silent when the death was given. */
  silentMs: z.number(),
  detectedAtMs: z.number(),
  openedAtMs: z.number(),
  redistributedAtMs: z.number().optional(),
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
      startedAtMs: z.number(),
      endedAtMs: z.number().optional(),
      outcome: z.enum(['done', 'failed', 'under-way', 'not-needed']),
    })
    .optional(),
  outcome: z
    .object({
      kind: z.enum(['recovered', 'resumed', 'unresolved']),
      reason: z.string().max(256),
      atMs: z.number(),
      figures,
    })
    .optional(),
})
export type Incident = z.infer<typeof incidentSchema>

/** Hint: the totals of the last hour, oldest first, from the health monitor. */
export const historySchema = z.object({ monitorId: id, totals: z.array(totalsSchema).max(400) })
export type History = z.infer<typeof historySchema>
