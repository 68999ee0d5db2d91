import type { Level } from '../task/spec.ts'
import type { TaskEvent } from '../task/task-event.ts'
import type { TaskRecord } from '../task/task-record.ts'
import { cutToLevel } from '../tenant/excess.ts'
import { decideShare } from '../tenant/share.ts'
import { createTally, type Tally } from '../tenant/tally.ts'
import { createMeasures, measure, mergeMeasures, type Measures } from './measures.ts'

/**
 * What happened to tasks over time, counted from the log (L8): steps of 10 s for an hour, of a minute for a day,
 * and of an hour for a week.
 *
 * An event is counted once, in the open step of 10 s; a step that ends is added to its minute and to its hour.
 * Invariants (L7): a step has at most CELLS_MAX cells for a tenant, agent, model and priority each, of which each
 * tenant has a share, and about as many for the further agents and models of a tenant; all steps together take at
 * most `bytesMax`. Above it the tenants that hold most, however many they are, lose the agents and models of their
 * oldest steps, which are added up; if this frees nothing, or there is one tenant, the series drops the oldest of
 * the shortest steps first.
 */
export interface TaskSeries {
  /** Counts an event that the log stored at this time; `record` is the task after it. */
  note(
    event: TaskEvent,
    storedAtMs: number,
    before: TaskRecord | undefined,
    record: TaskRecord,
  ): void
  /** Returns the steps from `fromMs` to before `toMs`, for a tenant or for the whole fleet. */
  read(query: SeriesQuery): SeriesAnswer
  /** Returns about how many bytes the steps take. */
  bytes(): number
}

/** The lengths of a step, milliseconds, with the time for which steps of this length are kept. */
export const SERIES_STEPS = {
  '10s': { stepMs: 10_000, keptMs: 3_600_000 },
  '1m': { stepMs: 60_000, keptMs: 86_400_000 },
  '1h': { stepMs: 3_600_000, keptMs: 7 * 86_400_000 },
} as const
/** The length of a step. */
export type SeriesStep = keyof typeof SERIES_STEPS
/** The shortest first. */
const STEP_NAMES = Object.keys(SERIES_STEPS) as SeriesStep[]
/** What series can be split by. */
export const SERIES_GROUPS = ['agent', 'model', 'priority'] as const
/** What series are split by. */
export type SeriesGroup = (typeof SERIES_GROUPS)[number]

interface SeriesQuery {
  /** Undefined: all tenants together. */
  readonly tenant: string | undefined
  readonly fromMs: number
  readonly toMs: number
  readonly step: SeriesStep
  readonly groupBy: SeriesGroup | undefined
}

/** What happened in a step; steps in which nothing happened have none. */
export interface SeriesPoint {
  readonly atMs: number
  readonly measures: Measures
}

/** The series, those with most tasks first. */
interface SeriesAnswer {
  /** Steps before this time are no longer known. */
  readonly knownFromMs: number
  readonly series: readonly { readonly key?: string; readonly points: readonly SeriesPoint[] }[]
}

interface Cell extends Measures {
  readonly tenant: string
  readonly agent: string
  readonly model: string
  readonly priority: Level
}
interface Step {
  readonly atMs: number
  readonly cells: Map<string, Cell>
  /** The number of cells that name an agent and a model, by tenant. */
  readonly named: Tally
  bytes: number
}

/** This is enough for many agents and models of many tenants; a step counts all further cells as OTHERS. */
const CELLS_MAX = 1_000
/** Stands for the agents, models or tenants beyond what is kept apart; no name looks like this. */
export const OTHERS = '(others)'
/** Looks at all cells when a step ends, some milliseconds each: the sums that are added take a part of what is freed. */
const FOLDS_MAX = 4
/** Groups of one answer; the rest is added up under OTHERS. */
const GROUPS_MAX = 20
/** A cell with its names and counts in memory, bytes. */
const CELL_BYTES = 600
/** A class of durations in memory, bytes. */
const CLASS_BYTES = 40

/** Creates empty series; `tenants` says how many tenants share them. */
export function createTaskSeries(bytesMax: number, tenants: () => number = () => 1): TaskSeries {
  const rings: Record<SeriesStep, Step[]> = { '10s': [], '1m': [], '1h': [] }
  const dropped: Record<SeriesStep, number> = { '10s': 0, '1m': 0, '1h': 0 }
  let current = createStep(0)
  let bytes = 0
  let firstAtMs = Infinity

  const dropOldest = (name: SeriesStep): void => {
    const oldest = rings[name].shift()
    if (oldest === undefined) return
    bytes -= oldest.bytes
    dropped[name] = oldest.atMs + SERIES_STEPS[name].stepMs
  }

  const fold = (): void => {
    const steps = STEP_NAMES.flatMap((name) => rings[name])
    for (let folds = 0; bytes > bytesMax && folds < FOLDS_MAX; folds += 1) {
      const freed = foldLargest(steps, bytes - bytesMax)
      if (freed === 0) return
      bytes -= freed
    }
  }

  const shrink = (nowMs: number): void => {
    for (const name of STEP_NAMES) {
      const { keptMs } = SERIES_STEPS[name]
      while (rings[name].length > 0 && rings[name][0]!.atMs < nowMs - keptMs) dropOldest(name)
    }
    if (bytes > bytesMax && tenants() > 1) fold()
    for (const name of STEP_NAMES) {
      while (bytes > bytesMax && rings[name].length > 1) dropOldest(name)
    }
  }

  const close = (nowMs: number): void => {
    if (current.cells.size > 0) {
      for (const name of STEP_NAMES) {
        const { stepMs } = SERIES_STEPS[name]
        const step = lastStep(rings[name], Math.floor(current.atMs / stepMs) * stepMs)
        const before = step.bytes
        for (const cell of current.cells.values()) mergeMeasures(cellOf(step, cell, tenants), cell)
        step.bytes = bytesOf(step)
        bytes += step.bytes - before
      }
    }
    current = createStep(nowMs)
    shrink(nowMs)
  }

  return {
    note(event, storedAtMs, before, { tenant, spec }) {
      const { stepMs } = SERIES_STEPS['10s']
      // A clock that was set back does not reopen a step.
      if (storedAtMs >= current.atMs + stepMs) close(Math.floor(storedAtMs / stepMs) * stepMs)
      if (firstAtMs === Infinity) firstAtMs = current.atMs
      const { agent, model, priority } = spec
      const known = current.cells.get(`${tenant} ${agent} ${model} ${priority}`)
      const cell = known ?? cellOf(current, { tenant, agent, model, priority }, tenants)
      measure(cell, event, before)
    },
    read(ask) {
      const { step, toMs, groupBy } = ask
      const groups = groupPoints([...rings[step], current], ask)
      const series = mostBusy(groups).map(([key, points]) => ({
        ...(groupBy === undefined ? {} : { key }),
        points: [...points].map(([atMs, measures]) => ({ atMs, measures })),
      }))
      return { knownFromMs: Math.max(dropped[step], Math.min(firstAtMs, toMs)), series }
    },
    bytes: () => bytes,
  }
}

/** Adds up the cells that are asked for, by group and by the time of their point. */
function groupPoints(
  steps: readonly Step[],
  { tenant, fromMs, toMs, step, groupBy }: SeriesQuery,
): Map<string, Map<number, Measures>> {
  const { stepMs } = SERIES_STEPS[step]
  const groups = new Map<string, Map<number, Measures>>()
  for (const { atMs, cells } of steps) {
    const pointMs = Math.floor(atMs / stepMs) * stepMs
    if (pointMs < fromMs || pointMs >= toMs) continue
    for (const cell of cells.values()) {
      if (tenant !== undefined && cell.tenant !== tenant) continue
      const key = groupBy === undefined ? '' : cell[groupBy]
      const points = groups.get(key) ?? new Map<number, Measures>()
      groups.set(key, points)
      const point = points.get(pointMs) ?? createMeasures()
      points.set(pointMs, point)
      mergeMeasures(point, cell)
    }
  }
  return groups
}

/** Returns the last step of a ring, which begins at this time. */
function lastStep(ring: Step[], atMs: number): Step {
  const last = ring.at(-1)
  if (last?.atMs === atMs) return last
  const step = createStep(atMs)
  ring.push(step)
  return step
}

function createStep(atMs: number): Step {
  return { atMs, cells: new Map(), named: createTally(), bytes: 0 }
}

function cellOf(step: Step, name: Omit<Cell, keyof Measures>, tenants: () => number): Cell {
  const { cells, named } = step
  const found = cells.get(keyOf(name))
  if (found !== undefined) return found
  const { tenant, agent, model, priority } = name
  if (agent !== OTHERS && hasPlace(named, tenant, tenants)) {
    named.add(tenant, 1)
    return made(cells, { agent, model, tenant, priority })
  }
  const ofTenant = { agent: OTHERS, model: OTHERS, tenant, priority }
  const shared = cells.get(keyOf(ofTenant))
  if (shared !== undefined) return shared
  if (cells.size < 2 * CELLS_MAX) return made(cells, ofTenant)
  const ofAll = { ...ofTenant, tenant: OTHERS }
  return cells.get(keyOf(ofAll)) ?? made(cells, ofAll)
}

function hasPlace(named: Tally, tenant: string, tenants: () => number): boolean {
  const used = named.total()
  // Half of the cells are within every share, and each event comes by here until its cell exists.
  if (used < CELLS_MAX / 2) return true
  if (used >= CELLS_MAX) return false
  const share = { capacity: CELLS_MAX, used, own: named.of(tenant), ask: 1, tenants: tenants() }
  return decideShare(share).kind === 'take'
}

function made(cells: Map<string, Cell>, name: Omit<Cell, keyof Measures>): Cell {
  const cell = { ...name, ...createMeasures() }
  cells.set(keyOf(name), cell)
  return cell
}

/**
 * Adds up the agents and models of the tenants that hold most, from the oldest of the shortest steps on, until so many
 * bytes are free; returns the bytes that this freed.
 */
function foldLargest(steps: readonly Step[], excessBytes: number): number {
  const held = new Map<string, number>()
  for (const { cells } of steps) {
    for (const cell of cells.values()) {
      if (cell.agent === OTHERS) continue
      held.set(cell.tenant, (held.get(cell.tenant) ?? 0) + bytesOfCell(cell))
    }
  }
  const cuts = cutToLevel(held, excessBytes)
  let freed = 0
  for (const step of steps) {
    if (cuts.size === 0) break
    freed += foldIn(step, cuts)
  }
  return freed
}

/** Adds up the agents and models of these tenants in one step, and takes it from `cuts`; returns the bytes that this freed. */
function foldIn(step: Step, cuts: Map<string, number>): number {
  const { cells, named } = step
  const before = step.bytes
  const folded = new Map<string, number>()
  for (const [key, cell] of cells) {
    const { tenant, agent, priority } = cell
    if (agent === OTHERS || !cuts.has(tenant)) continue
    const ofTenant = { agent: OTHERS, model: OTHERS, tenant, priority }
    mergeMeasures(cells.get(keyOf(ofTenant)) ?? made(cells, ofTenant), cell)
    cells.delete(key)
    folded.set(tenant, (folded.get(tenant) ?? 0) + bytesOfCell(cell))
  }
  if (folded.size === 0) return 0
  for (const [tenant, bytes] of folded) {
    named.add(tenant, -named.of(tenant))
    const left = cuts.get(tenant)! - bytes
    if (left > 0) cuts.set(tenant, left)
    else cuts.delete(tenant)
  }
  step.bytes = bytesOf(step)
  return before - step.bytes
}

/** A blank separates them: no name contains one. */
function keyOf({ tenant, agent, model, priority }: Omit<Cell, keyof Measures>): string {
  return `${tenant} ${agent} ${model} ${priority}`
}

function bytesOf({ cells }: Step): number {
  let sum = 0
  for (const cell of cells.values()) sum += bytesOfCell(cell)
  return sum
}

function bytesOfCell({ wait, firstToken }: Measures): number {
  return CELL_BYTES + CLASS_BYTES * (wait.size + firstToken.size)
}

/** Returns the groups with most tasks; the other groups are added up. */
function mostBusy(
  groups: ReadonlyMap<string, Map<number, Measures>>,
): [string, Map<number, Measures>][] {
  const size = (points: Map<number, Measures>): number =>
    [...points.values()].reduce((sum, { counts }) => sum + counts.submitted + counts.completed, 0)
  const sorted = [...groups].toSorted(([, a], [, b]) => size(b) - size(a))
  if (sorted.length <= GROUPS_MAX) return sorted
  const rest = new Map<number, Measures>()
  for (const [, points] of sorted.slice(GROUPS_MAX - 1)) {
    for (const [atMs, measures] of points) {
      const sum = rest.get(atMs) ?? createMeasures()
      mergeMeasures(sum, measures)
      rest.set(atMs, sum)
    }
  }
  const inOrder = new Map([...rest].sort(([a], [b]) => a - b))
  return [...sorted.slice(0, GROUPS_MAX - 1), [OTHERS, inOrder]]
}
