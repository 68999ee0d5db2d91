import { count, duration, plural } from '@agentfleet/domain'
import type { FleetView } from '@agentfleet/protocol'
import type { Tone } from '../render/paint.ts'
import { table, type Look } from '../render/table.ts'

/** The outcome of one check: what was found, and what to do about it. */
export interface Check {
  readonly name: string
  readonly result: 'ok' | 'warning' | 'problem'
  readonly detail: string
  readonly fix?: string
}

/** The oldest Node that AgentFleet runs on. */
const NODE_FLOOR: readonly [major: number, minor: number] = [20, 19]
/** A fleet holds a socket for each waiting caller and each provider call. */
const FILES_MIN = 4_096
/** The log alone may take this, bytes. */
const DISK_MIN_BYTES = 1_000_000_000
/** A fleet of two nodes uses about this, bytes. */
const MEMORY_MIN_BYTES = 500_000_000
/**
 * A smaller difference is not reported: the header `Date` counts whole seconds, and the answer takes time,
 * milliseconds.
 */
const SKEW_MAX_MS = 3_000
/** Milliseconds. With a larger difference people see wrong ages and deadlines. */
const SKEW_BAD_MS = 30_000

/** A check that found nothing wrong. */
export const ok = (name: string, detail: string): Check => ({ name, result: 'ok', detail })

/** Whether this Node is new enough. */
export function checkNode(version: string): Check {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const [floorMajor, floorMinor] = NODE_FLOOR
  const enough = major > floorMajor || (major === floorMajor && minor >= floorMinor)
  if (enough) return ok('node', `Node.js ${version}`)
  const fix = `Install Node.js ${NODE_FLOOR.join('.')} or later.`
  return { name: 'node', result: 'problem', detail: `Node.js ${version}`, fix }
}

/** Whether the gateway runs the version of this checkout. */
export function checkVersion(own: string, gateway: string | undefined): Check {
  if (gateway === own) return ok('version', own)
  const detail = `this checkout has version ${own}; the gateway ${gateway === undefined ? 'does not say its version' : `runs ${gateway}`}`
  const fix = 'Check out the version that the gateway runs.'
  return { name: 'version', result: 'warning', detail, fix }
}

/** The room that a machine leaves for a fleet; undefined: the machine does not say it. */
export interface Machine {
  readonly openFilesMax: number | undefined
  readonly diskFreeBytes: number | undefined
  readonly memoryFreeBytes: number
}

/** Whether the machine leaves enough room; a value that is unknown is left out. */
export function checkMachine(machine: Machine): readonly Check[] {
  const { openFilesMax, diskFreeBytes, memoryFreeBytes } = machine
  const files = (most: number): string => `a process may open at most ${count(most)} files`
  const free = (bytes: number): string => `${(bytes / 1e9).toFixed(1)} GB free`
  const raise = `Raise the limit: ulimit -n ${FILES_MIN}`
  const move = 'Delete files, or choose a state folder on another disk with --data.'
  const close = 'Close other programs, or start fewer workers.'
  return [
    ...checkRoom('open files', openFilesMax, FILES_MIN, files, raise),
    ...checkRoom('disk', diskFreeBytes, DISK_MIN_BYTES, free, move),
    ...checkRoom('memory', memoryFreeBytes, MEMORY_MIN_BYTES, free, close),
  ]
}

function checkRoom(
  name: string,
  value: number | undefined,
  min: number,
  write: (value: number) => string,
  fix: string,
): readonly Check[] {
  if (value === undefined) return []
  const detail = write(value)
  return [value >= min ? ok(name, detail) : { name, result: 'warning', detail, fix }]
}

/** Whether the clock of the gateway agrees with the clock of this machine. */
export function checkClock(skewMs: number): Check {
  const name = 'clock'
  if (Math.abs(skewMs) <= SKEW_MAX_MS)
    return ok(name, 'the clock agrees with the clock of the gateway')
  const side = skewMs > 0 ? 'behind' : 'ahead of'
  const detail = `the clock is ${duration(Math.abs(skewMs))} ${side} the clock of the gateway`
  const result = Math.abs(skewMs) > SKEW_BAD_MS ? 'problem' : 'warning'
  return { name, result, detail, fix: 'Synchronise the clocks, for example with NTP.' }
}

/** Whether nodes take tasks and providers answer. */
export function checkFleet({ status, explanation, providers }: FleetView): readonly Check[] {
  const fix = 'Run "agentfleet incidents" to see how the fleet handles failed nodes.'
  const result = status === 'degraded' ? 'warning' : 'problem'
  const fleet: Check =
    status === 'ok' ? ok('fleet', explanation) : { name: 'fleet', result, detail: explanation, fix }
  const broken = providers.filter(({ breaker }) => breaker !== 'closed')
  const names = broken.map(
    ({ provider, model, lastError }) => `${provider}/${model} (${lastError?.kind ?? 'paused'})`,
  )
  if (providers.length === 0) return [fleet]
  return [
    fleet,
    broken.length === 0
      ? ok('providers', plural(providers.length, 'model'))
      : {
          name: 'providers',
          result: 'warning',
          detail: `the fleet pauses its calls to ${names.join(', ')}`,
          fix: 'Check the key and the address of the provider in PROVIDERS.',
        },
  ]
}

/** The checks as a table, and below it what to do. */
export function checkTable(checks: readonly Check[], look: Look): string {
  const tones: Readonly<Record<Check['result'], Tone>> = {
    ok: 'good',
    warning: 'warn',
    problem: 'bad',
  }
  const rows = table(
    ['CHECK', 'RESULT', 'FOUND'],
    checks.map(({ name, result, detail }) => [name, { text: result, tone: tones[result] }, detail]),
    look,
  )
  const fixes = checks.flatMap(({ name, fix }) => (fix === undefined ? [] : [`${name}: ${fix}`]))
  return fixes.length === 0 ? rows : `${rows}\n\n${fixes.join('\n')}`
}
