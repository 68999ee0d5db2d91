import type { Heartbeat } from '@agentfleet/protocol'

/**
 * The figures of a heartbeat in memory that two threads share. The main thread writes the figures
 * of its runs, the heartbeat thread those of the process, and both compose heartbeats.
 *
 * Invariants: each figure has one writer; every composed heartbeat has its own version, no matter
 * which thread sends it; the incarnation only grows.
 */

const FIGURES = [
  'slots',
  'active',
  'queued',
  'completed',
  'failed',
  'responseMs',
  'draining',
  /** How late the main loop is by its own measurement, in milliseconds. */
  'lagMs',
  /** How long the main loop has been silent by the heartbeat thread's measurement, in milliseconds. */
  'stallMs',
  'heard',
  'calling',
  'waitingElsewhere',
  'stuckMs',
  'llmCalls',
  'throttled',
  'failedHere',
  'reservedCpu',
  'reservedMemory',
  'cpu',
  'memory',
  'memoryBytes',
] as const
/** One number of the shared memory. */
type FigureName = (typeof FIGURES)[number]

const FIGURE_BYTES = FIGURES.length * 8
const INDEX = Object.fromEntries(FIGURES.map((name, index) => [name, index])) as Record<
  FigureName,
  number
>
const VERSION = 0
const TICKS = 1

/** Opens the figures, in a new buffer if none is given. */
export function openFigures(
  buffer: SharedArrayBuffer = new SharedArrayBuffer(FIGURE_BYTES + 8 + 8),
) {
  // Every platform of Node writes an aligned 64-bit float as a whole.
  const numbers = new Float64Array(buffer, 0, FIGURES.length)
  const incarnations = new BigInt64Array(buffer, FIGURE_BYTES, 1)
  const counters = new Int32Array(buffer, FIGURE_BYTES + 8, 2)
  const get = (name: FigureName): number => numbers[INDEX[name]] ?? 0
  const incarnation = (): number => Number(Atomics.load(incarnations, 0))

  return {
    buffer,
    get,
    incarnation,
    set(figures: Partial<Record<FigureName, number>>): void {
      for (const [name, value] of Object.entries(figures)) {
        numbers[INDEX[name as FigureName]] = value
      }
    },
    /** Records that the main loop is alive. */
    tick: () => void Atomics.add(counters, TICKS, 1),
    ticks: () => Atomics.load(counters, TICKS),
    raiseIncarnation(nowMs: number): void {
      Atomics.store(incarnations, 0, BigInt(Math.max(nowMs, incarnation() + 1)))
    },
    /** Composes the next heartbeat, at this time of the clock of the node. */
    compose: (nodeId: string, startedAtMs: number, atMs: number): Heartbeat => ({
      nodeId,
      incarnation: incarnation(),
      version: Atomics.add(counters, VERSION, 1) + 1,
      slots: get('slots'),
      active: get('active'),
      queued: get('queued'),
      cpu: get('cpu'),
      memory: get('memory'),
      memoryBytes: get('memoryBytes'),
      lagMs: Math.max(get('lagMs'), get('stallMs')),
      responseMs: get('responseMs'),
      completed: get('completed'),
      failed: get('failed'),
      draining: get('draining') === 1,
      startedAtMs,
      atMs,
      work: {
        heard: get('heard'),
        calling: get('calling'),
        waiting: get('waitingElsewhere'),
        stuckMs: get('stuckMs'),
        stallMs: get('stallMs'),
      },
      llmCalls: get('llmCalls'),
      throttled: get('throttled'),
      failedHere: get('failedHere'),
      reservedCpu: get('reservedCpu'),
      reservedMemory: get('reservedMemory'),
    }),
  }
}
