/**
 * `npm run prove -- memory`: large tasks that wait, a long absence of Redis, and viewers that do not read. Each
 * part has a fleet; its coordinator has a small heap. Everything must finish, and memory must stay bounded.
 */
import { show, table } from './figures.ts'
import { partsOf, readFlags, runCommand, say } from './command/flags.ts'
import { KEYS, PARTS, type MemoryOptions, type Part, type Proof } from './memory/part.ts'
import { provesRedisAway } from './memory/redis-away.ts'
import { provesViewers } from './memory/viewers.ts'
import { provesWaiting } from './memory/waiting.ts'
import { withOwnFleet } from './fleet/own-fleet.ts'
import { peakMemoryBytes } from './fleet/processes.ts'

const USAGE = `npm run prove -- memory [flags]
  --only PART,…      of ${PARTS.join(', ')}
  --tasks N          waiting tasks (5000)
  --kilobytes N      size of each in kB (600)
  --seconds N        how long Redis is away (300)
  --rate N           tasks a second meanwhile (500)
  --viewers N        viewers that do not read (2000)`

const MIB = 1024 * 1024
const DAY_MS = 86_400_000
/** The heap of the coordinator, MiB. */
const COORDINATOR_HEAP_MIB = 256
/** The most memory that each service may use, MiB. */
const RSS_MAX_MIB: Readonly<Record<string, number>> = { coordinator: 450, gateway: 600 }
const PROOFS: Readonly<Record<Part, Proof>> = {
  waiting: provesWaiting,
  redis: provesRedisAway,
  viewers: provesViewers,
}

async function main(options: MemoryOptions): Promise<void> {
  const wrong: string[] = []
  for (const part of options.parts) {
    const found = await prove(part, options)
    wrong.push(...found.map((text) => `${part}: ${text}`))
  }
  for (const text of wrong) say(`WRONG  ${text}`)
  say(wrong.length === 0 ? 'memory is bounded, and everything finished' : 'NOT bounded')
  if (wrong.length > 0) process.exitCode = 1
}

async function prove(part: Part, options: MemoryOptions): Promise<readonly string[]> {
  const wrong: string[] = []
  const onExit = (id: string, reason: string): void => void wrong.push(`${id} ended: ${reason}`)
  const fleetOptions = {
    onExit,
    workers: 2,
    env: {
      // The fleet keeps its size.
      autoscaler: { DRIVER: 'recommend' },
      gateway: { API_KEYS: KEYS.map((key, at) => `t${at}:${key}`).join(',') },
    },
    nodeArgs: { coordinator: [`--max-old-space-size=${COORDINATOR_HEAP_MIB}`] },
    // A frozen Redis is part of the proof: the fleet would kill and replace it after 20 s.
    hungAfterMs: DAY_MS,
  }
  await withOwnFleet(`memory-${part}`, fleetOptions, async (fleet) => {
    const started = performance.now()
    wrong.push(...(await PROOFS[part](fleet, options, (line) => say(`${part}: ${line}`))))
    const rows = Object.entries(RSS_MAX_MIB).map(([kind, mostMib]) => {
      const peaks = fleet.members(kind).map((member) => peakMemoryBytes(member.pid()) / MIB)
      const peakMib = Math.max(...peaks)
      if (peakMib > mostMib) wrong.push(`the ${kind} used ${show(peakMib)} MiB`)
      return [kind, show(peakMib), String(mostMib)]
    })
    say(table(['service', 'peak RSS, MiB', 'at most'], rows))
    say(`${part} took ${show((performance.now() - started) / 1_000)} s`)
  })
  return wrong
}

const numbers = { tasks: 5_000, kilobytes: 600, seconds: 300, rate: 500, viewers: 2_000 }
await runCommand(
  USAGE,
  (args) => readFlags(args, { numbers, texts: ['only'] }),
  ({ only, ...sizes }) => main({ parts: partsOf(PARTS, only), ...sizes }),
)
