import { type ScaleLimits } from './limits.ts'

/**
 * The autoscaler's memory of the load: a window of samples, and how long a task holds a slot. Small plain
 * values, so that a new leader can take them over from a record.
 */

/** The load at one time. */
export interface LoadSample {
  readonly atMs: number
  /** Nodes that serve or are starting. */
  readonly nodes: number
  /** Tasks on nodes, draining ones included, and tasks that wait. */
  readonly running: number
  readonly queued: number
  /** Total of arrived tasks, a counter that may restart; undefined when unknown. */
  readonly arrived?: number | undefined
}

/** The learned state of the load. */
export interface LoadState {
  /** Oldest first, no older than the stable window. */
  readonly samples: readonly LoadSample[]
  /** Slot-seconds held and tasks started, with old ones fading; their ratio is the service time. */
  readonly slotS: number
  readonly starts: number
  /** Tasks that arrived, and those of them that met a queue too long to start in time; fading as well. */
  readonly arrivals: number
  readonly late: number
}

/** Conclusions from the learned state. */
export interface LoadView {
  /** Slots that tasks hold, and that waiting tasks need within their wait target, over each window. */
  readonly stable: number
  readonly panic: number
  /** Slots in use when a new node serves, if arrivals have jumped beyond chance; else 0. */
  readonly coming: number
  /** Slots that the queue, as long as it will be when a new node serves, needs to start in time; else 0. */
  readonly due: number
  /** Mean arrivals a second over the stable window; undefined when unknown. */
  readonly arrivalsPerS: number | undefined
  /** Mean time that a task holds a slot; undefined when arrivals are unknown. */
  readonly serviceS: number | undefined
  /** Share of the last hours' tasks that met a queue too long to start in time. */
  readonly lateShare: number
  /** The fewest nodes within the window that bounds growth. */
  readonly nodesBefore: number
}

/** An empty learned state. */
export const NO_LOAD: LoadState = { samples: [], slotS: 0, starts: 0, arrivals: 0, late: 0 }

/** Most samples in the stable window; denser ones replace each other. */
const SAMPLES_MAX = 64
/** Service times change slowly: figures older than half an hour fade, seconds. */
const SERVICE_MEMORY_S = 1_800
/** Late tasks are remembered for hours, so that one bad moment has a lasting effect, seconds. */
const LATE_MEMORY_S = 6 * 3_600
/** Starts before the service time is used. */
const STARTS_MIN = 20
/**
 * More arrivals than the usual number by this many standard deviations count as a jump. Random peaks reach this
 * bound at most once in a few days.
 */
const JUMP_SIGMAS = 5
/** Factor for a jump that fills the queue: it may be larger than measured. */
const JUMP_ROOM = 1.1
/** Factor for the length of a queue: its growth is estimated from a few seconds. */
const QUEUE_ROOM = 1.5
/**
 * The queue's growth is estimated from at least this many arrivals, and from at least ten seconds: fewer are
 * chance.
 */
const QUEUE_ARRIVALS = 40
const QUEUE_RATE_MS = 10_000
/** Anscombe's shift. */
const COUNT_SHIFT = 0.375
/** Error of the usual rate, as a share. */
const USUAL_ERROR = 0.05
/** Shorter stretches do not show a rate, milliseconds; if tasks already wait, a short one does. */
const RATE_MIN_MS = 4_000
const RATE_MIN_QUEUED_MS = 1_000

/** Adds a sample; a gap longer than the stable window forgets the samples before it. */
export function rememberLoad(
  learned: LoadState,
  sample: LoadSample,
  limits: ScaleLimits,
): LoadState {
  const last = learned.samples.at(-1)
  const elapsedMs = last === undefined ? 0 : sample.atMs - last.atMs
  if (last === undefined || elapsedMs <= 0 || elapsedMs > limits.stableMs) {
    return { ...learned, samples: [sample] }
  }
  const spacingMs = limits.stableMs / SAMPLES_MAX
  const dense = sample.atMs - (learned.samples.at(-2)?.atMs ?? -Infinity) < spacingMs
  const from = learned.samples.findIndex(({ atMs }) => atMs >= sample.atMs - limits.stableMs)
  const samples = learned.samples.slice(Math.max(0, from), dense ? -1 : undefined)
  samples.push(sample)
  const arrivals = between(last, sample)
  if (arrivals === undefined) return { ...learned, samples }
  const fade = Math.exp(-elapsedMs / 1_000 / SERVICE_MEMORY_S)
  const started = Math.max(0, arrivals + last.queued - sample.queued)
  const fadeLate = Math.exp(-elapsedMs / 1_000 / LATE_MEMORY_S)
  return {
    samples,
    arrivals: learned.arrivals * fadeLate + arrivals,
    late: learned.late * fadeLate + (isLate(samples, limits) ? arrivals : 0),
    slotS: learned.slotS * fade + (((last.running + sample.running) / 2) * elapsedMs) / 1_000,
    starts: learned.starts * fade + started,
  }
}

/** Whether a task that arrives now would wait too long at the queue's recent speed. */
function isLate(samples: readonly LoadSample[], { waitTargetMs }: ScaleLimits): boolean {
  const [first, last] = [samples[0], samples.at(-1)]
  if (first === undefined || last === undefined || last.queued === 0) return false
  const arrivals = between(first, last)
  if (arrivals === undefined) return false
  const started = arrivals + first.queued - last.queued
  return last.queued * (last.atMs - first.atMs) > started * waitTargetMs
}

/** Arrivals between two samples; undefined when unknown or when the counter restarted. */
function between(from: LoadSample, to: LoadSample): number | undefined {
  if (from.arrived === undefined || to.arrived === undefined) return undefined
  return to.arrived < from.arrived ? undefined : to.arrived - from.arrived
}

/** Reads the windows; `usualSlots` is the expected demand. */
export function viewLoad(
  learned: LoadState,
  usualSlots: number,
  limits: ScaleLimits,
  nowMs: number,
): LoadView {
  const { samples } = learned
  const first = samples[0]
  const last = samples.at(-1)
  const serviceS = learned.starts >= STARTS_MIN ? learned.slotS / learned.starts : undefined
  const arrivalsPerS = rateSince(samples, nowMs - limits.stableMs)
  const waitS = limits.waitTargetMs / 1_000
  // A slot frees up every service time: short tasks share one within the wait target.
  const share = serviceS === undefined ? 1 : Math.min(1, serviceS / waitS)
  const due = arrivalsPerS === undefined ? Infinity : arrivalsPerS * waitS
  const meanSince = (sinceMs: number): number => {
    let [sum, count] = [0, 0]
    for (let i = samples.length - 1; i >= 0; i -= 1) {
      const sample = samples[i] as LoadSample
      if (sample.atMs <= sinceMs && count > 0) break
      sum += sample.running + Math.min(sample.queued, due) * share
      count += 1
    }
    return count === 0 ? 0 : sum / count
  }
  const jumped = serviceS === undefined ? undefined : jumpedRate(samples, usualSlots / serviceS)
  const panic = meanSince(nowMs - limits.panicMs)
  const queueRateMs = Math.max(QUEUE_RATE_MS, (QUEUE_ARRIVALS / (arrivalsPerS ?? 1)) * 1_000)
  const queueRate = jumped ?? rateSince(samples, nowMs - queueRateMs)
  let nodesBefore = last?.nodes ?? 0
  for (const { atMs, nodes } of samples) {
    if (atMs > nowMs - limits.scaleOutWithinMs) nodesBefore = Math.min(nodesBefore, nodes)
  }
  return {
    stable: first === undefined ? 0 : meanSince(nowMs - limits.stableMs),
    panic,
    coming: comingSlots(panic, jumped, serviceS, limits, last?.queued ?? 0),
    due: dueSlots(samples, queueRate, serviceS, limits),
    arrivalsPerS,
    serviceS,
    lateShare: learned.arrivals === 0 ? 0 : learned.late / learned.arrivals,
    nodesBefore,
  }
}

function rateSince(samples: readonly LoadSample[], sinceMs: number): number | undefined {
  const last = samples.at(-1)
  const first = samples.find(({ atMs }) => atMs >= sinceMs)
  if (first === undefined || last === undefined) return undefined
  const arrivals = between(first, last)
  const elapsedMs = last.atMs - first.atMs
  return arrivals === undefined || elapsedMs < rateMinMs(last)
    ? undefined
    : (arrivals / elapsedMs) * 1_000
}

/** Held slots approach the number that arrivals need as fast as tasks end. */
function comingSlots(
  held: number,
  arrivalsPerS: number | undefined,
  serviceS: number | undefined,
  { startupMs }: ScaleLimits,
  queued: number,
): number {
  if (arrivalsPerS === undefined || serviceS === undefined) return 0
  const left = Math.exp(-startupMs / 1_000 / serviceS)
  const asked = arrivalsPerS * serviceS
  const coming = asked * (1 - left) + held * left
  return queued === 0 ? coming : Math.max(coming, asked * JUMP_ROOM)
}

/** Slots with which the last task of the queue, when a new node serves, still starts within the wait target. */
function dueSlots(
  samples: readonly LoadSample[],
  arrivalsPerS: number | undefined,
  serviceS: number | undefined,
  { startupMs, waitTargetMs }: ScaleLimits,
): number {
  const last = samples.at(-1)
  if (last === undefined || last.queued === 0) return 0
  if (arrivalsPerS === undefined || serviceS === undefined) return 0
  // Nodes were ordered when the queue began: it grows until they serve.
  const began = samples[samples.findLastIndex(({ queued }) => queued === 0) + 1] ?? last
  const growsS = Math.max(0, startupMs - (last.atMs - began.atMs)) / 1_000
  const growth = Math.max(0, arrivalsPerS - last.running / serviceS)
  const queue = (last.queued + growth * growsS) * QUEUE_ROOM
  // How often a slot becomes free within the wait target, including the first time.
  return (queue + last.running) / (1 + waitTargetMs / 1_000 / serviceS)
}

function rateMinMs({ queued }: LoadSample): number {
  return queued > 0 ? RATE_MIN_QUEUED_MS : RATE_MIN_MS
}

/** Arrivals a second since a jump of arrivals; undefined while no jump lasts. */
function jumpedRate(samples: readonly LoadSample[], usualPerS: number): number | undefined {
  const last = samples.at(-1)
  let surest = JUMP_SIGMAS
  let rate: number | undefined
  for (const sample of samples) {
    const elapsedMs = (last?.atMs ?? 0) - sample.atMs
    if (last === undefined || elapsedMs < rateMinMs(last)) break
    const arrivals = between(sample, last)
    if (arrivals === undefined) continue
    const expected = (usualPerS * elapsedMs) / 1_000
    // Square roots of counts are nearly normal with a standard deviation of a half, for small counts too.
    const above = Math.sqrt(arrivals + COUNT_SHIFT) - Math.sqrt(expected + COUNT_SHIFT)
    const sigmas = (2 * above) / Math.sqrt(1 + USUAL_ERROR ** 2 * expected)
    if (sigmas <= surest) continue
    surest = sigmas
    rate = (arrivals / elapsedMs) * 1_000
  }
  return rate
}
