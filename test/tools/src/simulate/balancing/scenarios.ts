import type { Level } from '@agentfleet/domain'

/** One world in which policies are compared. */
export interface Scenario {
  readonly name: string
  readonly nodes: readonly { readonly slots: number; readonly speed: number }[]
  /** Arriving work, as a share of the fleet's capacity at full speed. */
  readonly load: number
  /** Arrivals are `factor` times the mean for `onMs` of every `periodMs`, and fewer in between. */
  readonly burst?: { readonly factor: number; readonly onMs: number; readonly periodMs: number }
  /** Share of tasks of each processor class; absent: all medium. */
  readonly classes?: Readonly<Partial<Record<Level, number>>>
  readonly balancers: number
  /** A node that fails everything at once for a while, repeatedly if `everyMs` is given. */
  readonly sinkhole?: {
    readonly node: number
    readonly fromMs: number
    readonly toMs: number
    readonly everyMs?: number
  }
  /** A node that is killed and returns slow. */
  readonly restart?: {
    readonly node: number
    readonly atMs: number
    readonly downMs: number
    readonly coldMs: number
    readonly coldSpeed: number
  }
  /** The measurement starts after this, milliseconds. */
  readonly warmUpMs: number
  readonly lengthMs: number
}

const nodesOf = (count: number, slots: number, speed = 1) =>
  Array.from({ length: count }, () => ({ slots, speed }))

const SOFT_BURST = { factor: 1.6, onMs: 15_000, periodMs: 60_000 }
const HARD_BURST = { factor: 5, onMs: 2_500, periodMs: 60_000 }
const FLEET = {
  nodes: nodesOf(20, 25),
  load: 0.8,
  balancers: 1,
  warmUpMs: 30_000,
  lengthMs: 150_000,
}

/** Fewer and larger nodes: the messages and shares of several balancers are most of the cost of a run. */
const SHARED = { ...FLEET, nodes: nodesOf(10, 50), load: 0.9, burst: SOFT_BURST }

/** All worlds of the comparison. */
export const SCENARIOS: readonly Scenario[] = [
  { ...FLEET, name: 'load 0.60', load: 0.6 },
  { ...FLEET, name: 'load 0.80', load: 0.8 },
  { ...FLEET, name: 'load 0.90', load: 0.9 },
  { ...FLEET, name: 'load 0.95', load: 0.95 },
  { ...FLEET, name: '4 of 20 at half speed', nodes: [...nodesOf(16, 25), ...nodesOf(4, 25, 0.5)] },
  {
    ...FLEET,
    name: 'slow nodes and bursts 1.6x',
    nodes: [...nodesOf(16, 25), ...nodesOf(4, 25, 0.5)],
    burst: SOFT_BURST,
  },
  { ...FLEET, name: 'bursts 1.6x', burst: SOFT_BURST },
  { ...FLEET, name: 'bursts 5x', burst: HARD_BURST },
  {
    ...FLEET,
    name: 'straggler: one 10x slower',
    nodes: [...nodesOf(19, 25), ...nodesOf(1, 25, 0.1)],
  },
  {
    ...FLEET,
    name: 'sinkhole: one fails at once',
    sinkhole: { node: 3, fromMs: 40_000, toMs: 100_000 },
  },
  {
    ...FLEET,
    name: 'restart, cold for 20 s',
    restart: { node: 3, atMs: 60_000, downMs: 6_000, coldMs: 20_000, coldSpeed: 0.5 },
  },
  { ...SHARED, name: '2 load balancers', balancers: 2 },
  { ...SHARED, name: '4 load balancers', balancers: 4 },
  { ...FLEET, name: 'heavy and light', classes: { high: 0.15, low: 0.85 }, load: 0.85 },
  {
    ...SHARED,
    name: 'heavy and light, 2 balancers',
    classes: { high: 0.15, low: 0.85 },
    load: 0.85,
    balancers: 2,
  },
  { ...FLEET, name: '2 nodes of 16', nodes: nodesOf(2, 16), load: 0.7, lengthMs: 1_230_000 },
  {
    ...FLEET,
    name: '2 nodes of 16, one restarts',
    nodes: nodesOf(2, 16),
    load: 0.4,
    restart: { node: 1, atMs: 300_000, downMs: 6_000, coldMs: 20_000, coldSpeed: 0.5 },
    lengthMs: 930_000,
  },
  {
    ...FLEET,
    name: '2 nodes of 16, one a sinkhole',
    nodes: nodesOf(2, 16),
    load: 0.35,
    // Often and long: one fault affects a few thousand tasks, whose p99 is a single bad moment.
    sinkhole: { node: 1, fromMs: 60_000, toMs: 360_000, everyMs: 900_000 },
    lengthMs: 4_530_000,
  },
]

const SMOKE = ['bursts 5x', 'sinkhole: one fails at once', '2 load balancers']

/** Few and short worlds, for every run of the tests. */
export const SMOKE_SCENARIOS: readonly Scenario[] = SCENARIOS.filter(({ name }) =>
  SMOKE.includes(name),
).map((scenario) => ({
  ...scenario,
  nodes: nodesOf(6, 14),
  lengthMs: 65_000,
  ...(scenario.sinkhole === undefined
    ? {}
    : { sinkhole: { node: 3, fromMs: 32_000, toMs: 62_000 } }),
}))
