import type { Fault } from './faults.ts'

/** A time in which no task ended, and the faults that were at work in it. */
export interface Gap {
  readonly fromMs: number
  readonly lengthMs: number
  readonly faults: readonly Fault[]
}

/** A killed process is away for about this long after its kill, milliseconds. */
const AWAY_AFTER_KILL_MS = 3_000
/** Shorter gaps are the distance of tasks and not the effect of a fault, milliseconds. */
const GAP_MIN_MS = 500

/** The gaps between endings from `fromMs` to `toMs`, longest first. */
export function gapsBetween(
  endingsMs: readonly number[],
  faults: readonly Fault[],
  fromMs: number,
  toMs: number,
): Gap[] {
  const inside = endingsMs.filter((atMs) => atMs > fromMs && atMs < toMs)
  const instants = [fromMs, ...inside.sort((a, b) => a - b), toMs]
  const gaps: Gap[] = []
  for (const [index, endMs] of instants.entries()) {
    const startMs = instants[index - 1]
    if (startMs === undefined || endMs - startMs < GAP_MIN_MS) continue
    const atWork = faults.filter((fault) => fault.atMs < endMs && goneUntilMs(fault) > startMs)
    gaps.push({ fromMs: startMs, lengthMs: endMs - startMs, faults: atWork })
  }
  return gaps.sort((a, b) => b.lengthMs - a.lengthMs)
}

/**
 * The longest gap of each cause. A gap counts for the fault that took most of its time: the other ones met a
 * fleet that stood still already.
 */
export function longestByCause(gaps: readonly Gap[]): ReadonlyMap<string, number> {
  const longest = new Map<string, number>()
  for (const gap of gaps) {
    const cause = causeOf(gap)
    longest.set(cause, Math.max(gap.lengthMs, longest.get(cause) ?? 0))
  }
  return longest
}

function causeOf({ fromMs, lengthMs, faults }: Gap): string {
  const toMs = fromMs + lengthMs
  const share = (fault: Fault): number =>
    Math.min(toMs, goneUntilMs(fault)) - Math.max(fromMs, fault.atMs)
  const [first] = faults.toSorted((a, b) => share(b) - share(a))
  return first === undefined ? 'no fault' : `${first.part} ${pastOf(first)}`
}

/** The word for what was done to a process. */
export function pastOf({ kind }: Pick<Fault, 'kind'>): 'killed' | 'frozen' {
  return kind === 'kill' ? 'killed' : 'frozen'
}

function goneUntilMs({ kind, atMs, untilMs }: Fault): number {
  return kind === 'kill' ? atMs + AWAY_AFTER_KILL_MS : untilMs + AWAY_AFTER_KILL_MS
}
