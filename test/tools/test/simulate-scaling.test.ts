import { spawn } from 'node:child_process'
import { readFile, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { runClairvoyant } from '../src/simulate/scaling/clairvoyant.ts'
import { readSimulateOptions } from '../src/simulate/options.ts'
import { ourPolicy } from '../src/simulate/scaling/ours.ts'
import { drawChart } from '../src/simulate/scaling/plot.ts'
import { cpuAutoscaler, podAutoscaler, staticPeak } from '../src/simulate/scaling/rivals.ts'
import {
  heartbeats,
  simulateScaling,
  type ScalingOptions,
} from '../src/simulate/scaling/scaling.ts'
import { drawTraffic, readAnyTrace, type Trace, type Traffic } from '../src/simulate/traffic.ts'
import { runWorld, type FleetOptions, type Scaler } from '../src/simulate/scaling/world.ts'

const ROOT = join(import.meta.dirname, '../../..')
const LOAD = join(ROOT, 'test/data/load.csv')

let dir: string
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'agentfleet-test-'))
})
afterEach(() => rm(dir, { recursive: true, force: true }))

const fleet: FleetOptions = {
  slots: 10,
  startupS: 5,
  nodesMin: 1,
  nodesMax: 10,
  nodesFirst: 1,
  waitTargetS: 2,
}
/** Tasks that all take `ticks`, at these times, in ticks of a second. */
const plain = (arrivals: readonly number[], ticks: number): Traffic => ({
  tickS: 1,
  arrivals: Uint32Array.from(arrivals),
  durations: Uint16Array.of(ticks),
  meanTicks: ticks,
  tasks: arrivals.reduce((sum, count) => sum + count, 0),
  peakPerS: Math.max(...arrivals),
  scale: 1,
})
const always = (nodes: number): Scaler => ({ name: 'fixed', periodMs: 1_000, decide: () => nodes })
const idle = (count: number): number[] => Array.from({ length: count }, () => 0)

describe('the simulation of autoscaling', () => {
  test('starts tasks in the order of their arrival, as soon as a slot is free', () => {
    const outcome = runWorld(plain([25, ...idle(20)], 4), fleet, always(1))
    expect(Array.from(outcome.waits.subarray(0, 10))).toEqual([10, 0, 0, 0, 10, 0, 0, 0, 5, 0])
    expect(outcome).toMatchObject({ started: 25, withinTarget: 10, outs: 0, ins: 0 })
    expect(outcome.busySlotS).toBe(25 * 4)
  })

  test('charges for a node as soon as it is ordered, and gives it tasks only after its start-up time', () => {
    const twice = runWorld(plain([20, ...idle(19)], 30), fleet, always(2))
    expect(Array.from(twice.waits.subarray(0, 7))).toEqual([10, 0, 0, 0, 0, 10, 0])
    // The second node is ordered at the end of the first tick.
    expect(twice.nodeHours * 3_600).toBe(20 + 19)
  })

  test('charges a draining node until its last task has ended, and does not give it a task', () => {
    const shrinking: Scaler = {
      name: 'shrinking',
      periodMs: 1_000,
      decide: ({ nowMs }) => (nowMs < 2_000 ? 2 : 1),
    }
    const first = { ...fleet, nodesFirst: 2 }
    const outcome = runWorld(plain([20, ...idle(19)], 10), first, shrinking)
    expect(outcome.nodeHours * 3_600).toBe(20 + 10)
    expect(outcome.ins).toBe(1)
  })

  test('counts a change that is taken back within ten minutes as a reversal', () => {
    const at = (change: number): Scaler => ({
      name: 'turning',
      periodMs: 1_000,
      decide: ({ nowMs }) => (nowMs < 10_000 || nowMs >= change ? 1 : 2),
    })
    const traffic = plain(idle(1_000), 1)
    expect(runWorld(traffic, fleet, at(600_000)).reversals).toBe(1)
    expect(runWorld(traffic, fleet, at(611_000)).reversals).toBe(0)
  })

  test('counts tasks that never start as late', () => {
    const outcome = runWorld(plain([30, 0], 100), fleet, always(1))
    expect(outcome).toMatchObject({ started: 30, withinTarget: 10 })
  })
})

describe('the trace of a simulation', () => {
  test('may contain rates or single requests, and a trace with a broken row is refused', async () => {
    expect(await readAnyTrace(LOAD)).toMatchObject({ kind: 'rates', stepS: 600 })
    const requests = await readAnyTrace(join(ROOT, 'test/data/trace.csv'))
    expect(requests.kind === 'requests' && requests.atS.length).toBe(60)
    const file = join(dir, 'broken.csv')
    await writeFile(file, 'start_s,rate_per_s\n0,1\n600,x\n')
    await expect(readAnyTrace(file)).rejects.toThrow('broken.csv:3')
    await writeFile(file, 'start_s,rate_per_s\n0,1\n600,1\n900,1\n')
    await expect(readAnyTrace(file)).rejects.toThrow('broken.csv:4')
  })

  test('gives the same tasks for the same seed, and its peak fills the given number of slots', () => {
    const trace: Trace = { kind: 'rates', stepS: 600, perS: [10, 40] }
    const options = { trace, seed: 3, serviceS: 10, sigma: 1, peakSlots: 100, seconds: 1_200 }
    const [one, two] = [drawTraffic(options), drawTraffic(options)]
    expect(one.arrivals).toEqual(two.arrivals)
    expect(drawTraffic({ ...options, seed: 4 }).arrivals).not.toEqual(one.arrivals)
    const sum = (from: number, to: number): number =>
      one.arrivals.subarray(from, to).reduce((total, count) => total + count, 0)
    expect((sum(600, 1_200) / 600) * one.meanTicks).toBeCloseTo(100, -1)
    expect(sum(600, 1_200) / sum(0, 600)).toBeCloseTo(4, 0)
    expect(one.meanTicks).toBeCloseTo(10, 0)
  })
})

describe('the rules of other autoscalers', () => {
  const seen = { nowMs: 0, ready: 10, starting: 0, draining: 0, queued: 0, arrived: 0 }
  const busy = (running: number) => ({ ...seen, running, runningOnReady: running })

  test('let the HPA change nothing within its tolerance, grow at once and shrink after five minutes', () => {
    const hpa = cpuAutoscaler(fleet)
    expect(hpa.decide(busy(75))).toBe(10)
    expect(hpa.decide({ ...busy(100), nowMs: 15_000 })).toBe(15)
    expect(hpa.decide({ ...busy(35), nowMs: 300_000 })).toBe(10)
    expect(hpa.decide({ ...busy(35), nowMs: 330_000 })).toBe(5)
  })

  test('let Knative enter panic mode when the demand needs twice the nodes, and then not shrink for a minute', () => {
    const kpa = podAutoscaler(fleet)
    expect(kpa.decide({ ...busy(100), queued: 100 })).toBe(29)
    expect(kpa.decide({ ...busy(0), nowMs: 2_000 })).toBeGreaterThanOrEqual(29)
    expect(kpa.decide({ ...busy(0), nowMs: 100_000 })).toBeLessThan(29)
  })
})

describe('the comparison of autoscalers', () => {
  const options: Omit<ScalingOptions, 'trace'> = {
    seed: 1,
    seconds: 43_200,
    serviceS: 30,
    sigma: 1,
    slots: 16,
    startupS: 30,
    waitTargetS: 10,
    nodesMin: 2,
    nodesMax: 20,
    goal: 0.99,
  }

  test('shows that the clairvoyant policy reaches the goal at the lowest cost, and that our policy is close to it', async () => {
    const report = simulateScaling({ ...options, trace: await readAnyTrace(LOAD) })
    const { ours, clairvoyant, rivals } = report
    expect(clairvoyant.inTime).toBeGreaterThanOrEqual(0.99)
    for (const { nodeHours } of [ours, ...rivals]) {
      expect(nodeHours).toBeGreaterThan(clairvoyant.nodeHours)
    }
    expect(ours.inTime).toBeGreaterThanOrEqual(0.99)
    expect(ours.ofClairvoyant).toBeGreaterThan(0.85)
    for (const rival of rivals) expect(heartbeats(rival, ours)).toBe(false)
  })

  test('gives the same result for the same seed', async () => {
    const short = { ...options, seconds: 3_600, trace: await readAnyTrace(LOAD) }
    expect(simulateScaling(short).rows).toEqual(simulateScaling(short).rows)
  })

  test('gives the clairvoyant policy no more nodes than the peak needs, and tells it a sudden increase in advance', () => {
    const traffic = plain([...idle(300), ...Array.from({ length: 300 }, () => 8)], 5)
    const outcome = runClairvoyant(traffic, fleet, 0.99)
    expect(outcome.withinTarget / outcome.started).toBeGreaterThanOrEqual(0.99)
    expect(outcome.nodeHours).toBeLessThan(runWorld(traffic, fleet, staticPeak(5)).nodeHours)
  })

  test('shows that our policy keeps the bounds of the fleet under a load with sudden increases', () => {
    const traffic = plain(
      Array.from({ length: 3_000 }, (_, at) => (Math.floor(at / 300) % 2 === 0 ? 1 : 12)),
      5,
    )
    const inner = ourPolicy(fleet)
    const counts: number[] = []
    const watched: Scaler = {
      ...inner,
      decide(seen) {
        const nodes = inner.decide(seen)
        counts.push(nodes)
        return nodes
      },
    }
    const outcome = runWorld(traffic, fleet, watched)
    expect(Math.max(...counts)).toBeLessThanOrEqual(fleet.nodesMax)
    expect(Math.min(...counts)).toBeGreaterThanOrEqual(fleet.nodesMin)
    expect(outcome.withinTarget / outcome.started).toBeGreaterThan(0.8)
  })
})

describe('the command simulate', () => {
  const run = (...args: string[]): Promise<{ code: number | null; output: string }> =>
    new Promise((resolve) => {
      const file = join(ROOT, 'test/tools/dist/simulate.js')
      const child = spawn(process.execPath, [file, ...args])
      let output = ''
      child.stdout.on('data', (chunk) => (output += String(chunk)))
      child.stderr.on('data', (chunk) => (output += String(chunk)))
      child.once('exit', (code) => resolve({ code, output }))
    })

  test('prints the table and draws the plot', async () => {
    const plot = join(dir, 'nodes.svg')
    const { code, output } = await run('--only', 'scaling', '--smoke', '--plot', plot)
    expect(code, output).toBe(0)
    for (const name of ['clairvoyant', 'HPA', 'KEDA', 'Knative', 'AgentFleet']) {
      expect(output).toContain(name)
    }
    expect(await readFile(plot, 'utf8')).toMatch(/^<svg [\s\S]*AgentFleet[\s\S]*<\/svg>\n$/)
  })

  test('refuses unknown flags', () => {
    expect(readSimulateOptions(['--help'])).toBe('help')
    expect(() => readSimulateOptions(['--only', 'nothing'])).toThrow('--only knows')
    expect(() => readSimulateOptions(['--slots', '0'])).toThrow('--slots')
    expect(() => readSimulateOptions(['--slots', '1.5'])).toThrow('whole')
    expect(() => readSimulateOptions(['--min', '5', '--max', '4'])).toThrow('--min')
  })

  test('escapes the texts of a chart', () => {
    const lines = [{ name: 'a < b & c', values: [0, 1, 2] }]
    const svg = drawChart({ title: '<script>', unit: 'n', stepS: 60, lines })
    expect(svg).toContain('&lt;script&gt;')
    expect(svg).toContain('a &lt; b &amp; c')
  })
})
