/** `npm run bench`: measures this checkout on this machine, next to BullMQ, and checks every task. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { cpus, tmpdir, totalmem } from 'node:os'
import { join } from 'node:path'
import { defaultCacheDir, findBinaries } from '@agentfleet/local'
import { measureFailover } from './bench/failover.ts'
import { measureInflight } from './bench/inflight.ts'
import { comparePaidTwice } from './bench/paid-twice.ts'
import { readOptions, USAGE, type BenchOptions } from './bench/options.ts'
import { startSides, type BenchContext } from './bench/sides.ts'
import { auditFleet, compareLatency, compareThroughput, measureIdle } from './bench/throughput.ts'
import type { Findings } from './invariants.ts'
import { runCommand, say } from './command/flags.ts'

async function main(options: BenchOptions): Promise<void> {
  const binaries = await findBinaries({ cacheDir: defaultCacheDir(process.env), log: say })
  const dir = await mkdtemp(join(tmpdir(), 'agentfleet-bench-'))
  const machine = {
    cpus: cpus().length,
    cpu: cpus()[0]?.model ?? 'unknown',
    memoryGb: Math.round(totalmem() / 2 ** 30),
    node: process.version,
    nats: binaries.natsServer.version,
    redis: binaries.redisServer.version,
  }
  say(`# bench on ${machine.cpus} × ${machine.cpu}, Node ${machine.node}`)
  try {
    const figures = await measureAll({ options, binaries, dir })
    const all = { atMs: Date.now(), machine, options: { ...options, parts: [...options.parts] } }
    if (options.jsonFile !== undefined) {
      await writeFile(options.jsonFile, JSON.stringify({ ...all, ...figures }, undefined, 2))
    }
    if (!soundFindings(figures)) {
      say('\nNOT SOUND: tasks were lost, broken or never ended, see above')
      process.exitCode = 1
    }
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
}

type Figures = Record<string, unknown>

async function measureAll(context: BenchContext): Promise<Figures> {
  const { parts } = context.options
  const figures: Figures = {}
  if (parts.has('throughput') || parts.has('llm') || parts.has('latency')) {
    const sides = await startSides(context)
    try {
      say(await measureIdle(sides, context.options.seconds))
      if (parts.has('throughput')) {
        figures['throughput'] = await compareThroughput(context, sides, 'echo')
      }
      if (parts.has('llm')) figures['llm'] = await compareThroughput(context, sides, 'llm')
      if (parts.has('latency')) figures['latency'] = await compareLatency(context, sides)
      figures['audit'] = { findings: await auditFleet(sides) }
    } finally {
      await sides.stop()
    }
  }
  if (parts.has('inflight')) figures['inflight'] = await measureInflight(context)
  if (parts.has('failover')) figures['failover'] = await measureFailover(context)
  if (parts.has('paid-twice')) figures['paidTwice'] = await comparePaidTwice(context)
  return figures
}

/** Whether every audit found every task ended and no invariant broken. */
function soundFindings(figures: Figures): boolean {
  return Object.values(figures).every((part) => {
    const { findings } = part as { readonly findings?: Findings }
    if (findings === undefined) return true
    return findings.violations.length === 0 && findings.unfinished.length === 0
  })
}

await runCommand(USAGE, readOptions, main)
