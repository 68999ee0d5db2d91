import { readFile, statfs } from 'node:fs/promises'
import { connect } from 'node:net'
import { freemem } from 'node:os'
import { dirname } from 'node:path'
import { jsonIn } from '@agentfleet/domain'
import type { FleetAccess } from '@agentfleet/local'
import { below, isRunning } from '../local-fleet.ts'
import { ok, type Check, type Machine } from './checks.ts'

/** Each of these answers at once or not at all, milliseconds. */
const ANSWER_WITHIN_MS = 3_000
const SERVERS = new Set(['nats-server', 'redis-server', 'consul'])

/** The room that this machine leaves for a fleet. */
export async function observeMachine(folder: string): Promise<Machine> {
  const limits = await readFile('/proc/self/limits', 'utf8').catch(() => '')
  const [, files] = /^Max open files\s+(\d+)/m.exec(limits) ?? []
  // Before the first start the folder does not exist.
  const disk = await statfs(folder)
    .catch(() => statfs(dirname(folder)))
    .catch(() => undefined)
  return {
    openFilesMax: files === undefined ? undefined : Number(files),
    diskFreeBytes: disk === undefined ? undefined : disk.bavail * disk.bsize,
    memoryFreeBytes: freemem(),
  }
}

/** Whether every process of a local fleet runs and is ready. */
export async function checkProcesses(fleet: FleetAccess): Promise<readonly Check[]> {
  const checks = fleet.processes.map(async ({ id, kind, pid, url, restarts, log }) => {
    const fix = `Read the log of the process: ${log}`
    const problem = (detail: string): Check => ({ name: id, result: 'problem', detail, fix })
    if (!isRunning(pid)) return problem(`process ${pid} has ended`)
    // A simulator serves its callers only, at an address that the fleet's file lists apart.
    if (kind === 'simulator') return ok(id, 'runs')
    const why = SERVERS.has(kind) ? await whyNoAnswer(url) : await whyNotReady(url)
    if (why !== undefined) return problem(why)
    const again = restarts === 0 ? '' : `; it was started again ${restarts} times`
    return ok(id, `the process answers at ${withoutUser(url)}${again}`)
  })
  return Promise.all(checks)
}

/** An address without the credentials in it. */
function withoutUser(url: string): string {
  return url.replace(/\/\/[^@/]*@/, '//')
}

async function whyNotReady(url: string): Promise<string | undefined> {
  try {
    const signal = AbortSignal.timeout(ANSWER_WITHIN_MS)
    const answer = await fetch(new URL('/readyz', url), { signal })
    await answer.body?.cancel()
    return answer.status >= 500 ? `${url}/readyz answers ${answer.status}` : undefined
  } catch (error) {
    return `${url} does not answer (${String(error)})`
  }
}

async function whyNoAnswer(url: string): Promise<string | undefined> {
  const { hostname, port } = new URL(url)
  return new Promise((resolve) => {
    const socket = connect({ host: hostname, port: Number(port) })
    const end = (why?: string): void => {
      socket.destroy()
      resolve(why)
    }
    socket.setTimeout(ANSWER_WITHIN_MS, () => end(`port ${port} does not answer`))
    socket.once('connect', () => end())
    socket.once('error', (error) => end(`port ${port} does not answer (${error.message})`))
  })
}

/** The answer of the gateway to the questions that need no key. */
export interface GatewayAnswer {
  readonly ready: Check
  /** How far the gateway's clock is ahead of the clock of this machine, milliseconds. */
  readonly skewMs: number
  readonly version: string | undefined
}

/** Asks the gateway whether it is ready; the check says why not. */
export async function askGateway(
  url: string,
  stopped: AbortSignal,
): Promise<GatewayAnswer | Check> {
  const late = AbortSignal.timeout(ANSWER_WITHIN_MS)
  const signal = AbortSignal.any([stopped, late])
  const problem = (detail: string): Check => ({
    name: 'gateway',
    result: 'problem',
    detail,
    fix: 'Start a fleet with "npm start", or set AGENTFLEET_URL or --url to the address of a gateway.',
  })
  try {
    const startMs = Date.now()
    const answer = await fetch(below(url, '/readyz'), { signal, redirect: 'manual' })
    const halfMs = (Date.now() - startMs) / 2
    const said = readyIn(await answer.text())
    if (said === undefined) {
      const location = answer.headers.get('location')
      const why = location === null ? '' : `, which leads to ${location}`
      return problem(`${url} does not answer as a gateway (HTTP ${answer.status}${why})`)
    }
    const atMs = Date.parse(answer.headers.get('date') ?? '')
    return {
      ready: readiness(url, said),
      skewMs: Number.isNaN(atMs) ? 0 : atMs + 500 - (startMs + halfMs),
      version: await documentVersion(url, signal),
    }
  } catch (error) {
    return problem(`${url} does not answer (${reasonOf(error)})`)
  } finally {
    // Node 20 collects a timeout signal that only AbortSignal.any knows, and then the command waits for ever.
    void late.aborted
  }
}

/** The answer of a gateway that says whether it is ready, and which of its parts do not work. */
interface Readiness {
  readonly ok: boolean
  readonly reason?: string
  readonly degraded?: readonly string[]
}

/** What a gateway says about itself; undefined: the text comes from another kind of server. */
function readyIn(text: string): Readiness | undefined {
  const said = jsonIn(text) as Readiness | null | undefined
  return typeof said?.ok === 'boolean' ? said : undefined
}

function reasonOf(error: unknown): string {
  if (error instanceof Error && error.name === 'TimeoutError') {
    return `no answer came within ${ANSWER_WITHIN_MS / 1_000} s`
  }
  const cause = error instanceof Error ? error.cause : undefined
  return cause instanceof Error ? cause.message : String(error)
}

function readiness(url: string, { ok: isReady, reason, degraded = [] }: Readiness): Check {
  const name = 'gateway'
  if (!isReady) {
    const detail = `${url} is not ready: ${reason ?? 'the gateway gives no reason'}`
    return {
      name,
      result: 'problem',
      detail,
      fix: 'Read the log of the gateway, and check that NATS, Redis and Consul run.',
    }
  }
  if (degraded.length === 0) return ok(name, `${url} is ready`)
  const detail = `${url} is ready, but these parts do not work: ${degraded.join(', ')}`
  const fixes: readonly (readonly [part: string, fix: string])[] = [
    [
      'log-full',
      'The gateway refuses new tasks until the log has room: raise LOG_MAX_BYTES or shorten the retention.',
    ],
    [
      'records-outdated',
      'Lists show older records until Redis takes writes: give Redis more memory (maxmemory) or disk.',
    ],
  ]
  const [, fix] = fixes.find(([part]) => degraded.includes(part)) ?? [
    '',
    'The parts work again as soon as Redis and Consul answer.',
  ]
  return { name, result: 'warning', detail, fix }
}

async function documentVersion(url: string, signal: AbortSignal): Promise<string | undefined> {
  const answer = await fetch(below(url, '/openapi.json'), { signal })
  const { info } = (await answer.json()) as { readonly info?: { readonly version?: string } }
  return info?.version
}
