/**
 * The life of a process: the only place with process events and exit codes.
 *
 * States: starting → running → draining → exit 0; from any of them: failing → exit 1.
 * Invariants:
 * L1 `/readyz` says 503 until the service has started and registered, and from the first moment of a drain;
 * L2 the end is: deregister, drain, close in reverse order, exit; each step has a deadline, and a step
 *    that fails or is late does not keep the next from happening;
 * L3 a second signal exits at once; nothing after a fatal error takes longer than FATAL_CLOSE_MS.
 */
import { hostname } from 'node:os'
import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { createAdminServer } from './admin.ts'
import { systemClock } from './clock.ts'
import type { Clock } from './clock.ts'
import { createClosers } from './closers.ts'
import type { Closers, ClosersOwner } from './closers.ts'
import { ConfigError, loadConfig } from './config.ts'
import type { Env } from './config.ts'
import { settleWithin } from './deadline.ts'
import { baseEnv } from './env.ts'
import type { BaseConfig } from './env.ts'
import { createLogger } from './logger.ts'
import type { Logger } from './logger.ts'
import { createRegistry } from './metrics.ts'
import type { Registry } from './metrics.ts'
import type { Address, Closable, Readiness, Service } from './service.ts'

/** Connect, build, start and register: NATS, Redis and Consul may be starting at the same time. */
const START_DEADLINE_MS = 60_000

/** One request to a local agent; if it is down, its health check takes the process off the list. */
const DEREGISTER_DEADLINE_MS = 2_000

/** A drain keeps its own deadline; this much later it is taken to be stuck. */
const DRAIN_GRACE_MS = 1_000

/** Closing one connection is a flush and a round trip. */
const CLOSE_EACH_MS = 2_000

/** After a fatal error memory may be inconsistent: only say goodbye. */
const FATAL_CLOSE_MS = 2_000

/** What a service is built from. */
export interface ServiceContext {
  /** The environment, with SERVICE_ID filled in. */
  env: Env
  /** The variables that every process has. */
  base: BaseConfig
  log: Logger
  clock: Clock
  registry: Registry
  closers: Closers
  /** The admin server; routes may be added while building. */
  http: FastifyInstance
  /** Ends the process as SIGTERM does: drain, close, exit 0. */
  shutdown: (reason: string) => void
}

/** Connects what the service needs and wires it, without starting it. */
export type BuildService = (context: ServiceContext) => Service | Promise<Service>

/** What may be said about a service beside how it is built. */
export interface RunServiceOptions {
  /** Checked together with the common variables, so that all problems are reported at once. */
  schema?: z.ZodObject
}

interface Shell {
  readonly base: BaseConfig
  readonly log: Logger
  readonly closers: ClosersOwner
  phase: 'starting' | 'running' | 'draining' | 'failing'
  started: boolean
  service?: Service
  registering?: Promise<Closable>
}

/** Runs a service as this process, from reading its environment to the exit code. */
export function runService(
  name: string,
  build: BuildService,
  options: RunServiceOptions = {},
): void {
  const base = readBase(name, options.schema)
  const log = createLogger({ service: name, id: base.SERVICE_ID, level: base.LOG_LEVEL })
  const closers = createClosers(log, CLOSE_EACH_MS)
  const shell: Shell = { base, log, closers, phase: 'starting', started: false }
  const registry = createRegistry(name)
  const http = createAdminServer({
    registry,
    started: () => shell.started,
    readiness: () => readinessOf(shell),
  })
  // First in, so closed last: the probes are answered until the end.
  closers.add({ close: () => http.close() })
  listenToProcess(shell)
  const context: ServiceContext = {
    env: { ...process.env, SERVICE_ID: base.SERVICE_ID },
    base,
    log,
    clock: systemClock,
    registry,
    closers,
    http,
    shutdown: (reason) => void end(shell, reason),
  }
  begin(shell, build, context).catch((error: unknown) => fail(shell, error, 'the start failed'))
}

function readBase(name: string, schema: z.ZodObject | undefined): BaseConfig {
  try {
    if (schema) loadConfig(schema.safeExtend(baseEnv(name)), process.env)
    return loadConfig(z.object(baseEnv(name)), process.env)
  } catch (error) {
    if (error instanceof ConfigError) exitWithProblems(error)
    throw error
  }
}

function exitWithProblems({ problems }: ConfigError): never {
  process.stderr.write(`${problems.join('\n')}\n`)
  process.exit(1)
}

function readinessOf({ phase, service }: Shell): Readiness {
  if (phase !== 'running') return { ok: false, reason: phase }
  return service?.ready?.() ?? { ok: true }
}

function listenToProcess(shell: Shell) {
  for (const name of ['SIGTERM', 'SIGINT'] as const) {
    process.on(name, () => {
      // Also when the drain began otherwise: who asks twice has waited long enough (L3).
      if (shell.phase === 'draining' || shell.phase === 'failing') process.exit(1)
      void end(shell, name)
    })
  }
  process.on('uncaughtException', (error) => void fail(shell, error, 'uncaught exception'))
  process.on('unhandledRejection', (error) => void fail(shell, error, 'unhandled rejection'))
}

async function begin(shell: Shell, build: BuildService, context: ServiceContext) {
  const inTime = await settleWithin(startUp(shell, build, context), START_DEADLINE_MS)
  if (!inTime) throw new Error(`not started within ${START_DEADLINE_MS} ms`)
}

async function startUp(shell: Shell, build: BuildService, context: ServiceContext) {
  const { http, base, log } = context
  const service = await build(context)
  shell.service = service
  // A signal may have come while something was awaited; the end has begun then.
  if (shell.phase !== 'starting') return
  await http.listen({ host: base.HTTP_HOST, port: base.HTTP_PORT })
  if (shell.phase !== 'starting') return
  await service.start()
  if (shell.phase !== 'starting') return
  const address = addressOf(base, http)
  if (service.register) {
    shell.registering = service.register(address)
    await shell.registering
  }
  shell.started = true
  if (shell.phase !== 'starting') return
  shell.phase = 'running'
  log.info(address, 'started')
}

function addressOf(base: BaseConfig, http: FastifyInstance): Address {
  const bound = http.server.address()
  if (bound === null || typeof bound === 'string') throw new Error('the admin server has no port')
  // The wildcard address is none that others could connect to.
  const wildcard = base.HTTP_HOST === '0.0.0.0' || base.HTTP_HOST === '::'
  return { host: base.ADVERTISE_HOST ?? (wildcard ? hostname() : base.HTTP_HOST), port: bound.port }
}

async function end(shell: Shell, reason: string) {
  const { log, base, closers } = shell
  if (shell.phase === 'draining' || shell.phase === 'failing') return
  shell.phase = 'draining'
  log.info({ reason }, 'draining')
  const clean = await step(shell, 'deregister', DEREGISTER_DEADLINE_MS, () => deregister(shell))
  const drained = await step(shell, 'drain', base.DRAIN_DEADLINE_MS + DRAIN_GRACE_MS, async () =>
    shell.service?.drain(base.DRAIN_DEADLINE_MS),
  )
  await closers.closeAll()
  log.info({ clean: clean && drained }, 'stopped')
  process.exit(0)
}

async function deregister({ registering }: Shell) {
  const registration = await registering
  await registration?.close()
}

/** One step of the end; what goes wrong in it is logged and does not stop the next (L2). */
async function step(shell: Shell, name: string, deadlineMs: number, work: () => Promise<void>) {
  try {
    const inTime = await settleWithin(work(), deadlineMs)
    if (!inTime) shell.log.warn({ step: name, deadlineMs }, 'a step of the end is late')
    return inTime
  } catch (error) {
    shell.log.error({ err: error, step: name }, 'a step of the end failed')
    return false
  }
}

async function fail(shell: Shell, error: unknown, what: string) {
  if (shell.phase === 'failing') return
  shell.phase = 'failing'
  if (error instanceof ConfigError) exitWithProblems(error)
  shell.log.fatal({ err: error }, what)
  const goodbye = async () => {
    await step(shell, 'deregister', FATAL_CLOSE_MS, () => deregister(shell))
    await shell.closers.closeAll()
  }
  await step(shell, 'close', FATAL_CLOSE_MS, goodbye)
  process.exit(1)
}
