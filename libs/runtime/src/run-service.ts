/**
 * The life of a process: the only place with process events and exit codes.
 *
 * It reads the environment, connects the service's needs, builds and starts the service and registers it
 * under `agent-<name>`. It also closes its connections.
 *
 * States: starting → running → draining → exit 0; from any of them: failing → exit 1, or 78 for a wrong
 * configuration. Invariants:
 * R1 `/readyz` answers 503 until the service has started and registered, and from the first moment of a
 *    drain;
 * R2 the end is: deregister, drain, close in reverse order, exit; each step has a deadline, and a step that
 *    fails or is late does not keep the next from happening;
 * R3 a second signal exits at once; nothing after a fatal error takes longer than FATAL_CLOSE_MS.
 */
import { hostname } from 'node:os'
import { timingOf, type Timing } from '@agentfleet/domain'
import type { FastifyInstance } from 'fastify'
import type { z } from 'zod'
import { createAdminServer } from './admin.ts'
import { systemClock, type Clock } from './clock.ts'
import { createClosers, type Closers, type ClosersOwner } from './closers.ts'
import { ConfigError } from './config-error.ts'
import { loadConfig } from './config.ts'
import { settleWithin } from './deadline.ts'
import type { BaseConfig } from './env.ts'
import { createLogger, type Logger } from './logger.ts'
import { awayOf, readinessOf } from './readiness.ts'
import { createRegistry, type Registry } from './metrics.ts'
import type { Address, Closable, Readiness, Service } from './service.ts'

/** Connect, build, start and register: NATS, Redis and Consul may be starting at the same time. */
const START_DEADLINE_MS = 60_000

/** One request to a local agent; if it fails, the health check takes the process off the list. */
const DEREGISTER_DEADLINE_MS = 2_000

/** A drain keeps its own deadline; this much later it counts as stuck. */
const DRAIN_GRACE_MS = 1_000

/** Closing one connection is a flush and a round trip. */
const CLOSE_EACH_MS = 2_000

/** After a fatal error memory may be inconsistent: only deregister and close. */
const FATAL_CLOSE_MS = 2_000

/**
 * The exit code of a process whose configuration is wrong (EX_CONFIG of sysexits.h): starting it again with
 * the same variables is of no use.
 */
const CONFIG_EXIT_CODE = 78

/** How Node shows an address that stands for all addresses of the machine. */
const WILDCARDS: ReadonlySet<string> = new Set(['0.0.0.0', '::', '::ffff:0.0.0.0'])

/** The context of every service, without its needs. */
export interface ServiceContext<C = BaseConfig> {
  /** Name of this process: SERVICE_ID, or a random one. */
  readonly id: string
  readonly config: C
  readonly log: Logger
  readonly clock: Clock
  /** A random number from 0 up to, but not including, 1. */
  readonly random: () => number
  /** The durations at the scale of TIME_SCALE. */
  readonly timing: Timing
  /** Where metrics are registered. */
  readonly registry: Registry
  /** Takes resources that `build` opens by itself; needs are closed without it. */
  readonly closers: Closers
  /** The admin server; routes may be added while building. */
  readonly http: FastifyInstance
  /** What `/readyz` says, for services that say it elsewhere too. */
  readonly readiness: () => Readiness
  /** Ends the process as SIGTERM does: drain, close, exit 0. */
  readonly shutdown: (reason: string) => void
}

/**
 * Connects one need of a service. If the connection has `close`, it is closed at the end, the last one first;
 * if it has a promise `closed`, the process ends when that resolves.
 */
export type Need<C, T = unknown> = (context: ServiceContext<C>) => T | Promise<T>

/** The registry in which a service is listed. */
export interface Discovery {
  /** Closing the result deregisters the service. */
  register(service: {
    readonly id: string
    readonly name: string
    readonly host: string
    readonly port: number
  }): Promise<Closable>
}

/** The needs of a service by name; they are connected in this order. */
export type Needs<C> = Readonly<Record<string, Need<C>>> & {
  /** If given, the runtime registers the service after its start. */
  readonly discovery?: Need<C, Discovery>
}

type Connected<N> = { readonly [K in keyof N]: N[K] extends Need<never, infer T> ? T : never }

/** The definition of a service. */
export interface ServiceDefinition<
  S extends ServiceSchema,
  N extends Needs<Readonly<z.output<S>>>,
> {
  readonly name: string
  /** Its variables, those of `baseEnv` included; all problems are reported at once. */
  readonly schema: S
  readonly needs: N
  /** Needs whose absence only degrades the service; all others make it unready. */
  readonly worksWithout?: readonly (keyof N & string)[]
  /** Wires the service, without starting it. */
  readonly build: (
    context: ServiceContext<Readonly<z.output<S>>> & Connected<N>,
  ) => Service | Promise<Service>
}

type ServiceSchema = z.ZodObject & z.ZodType<BaseConfig>

interface Shell {
  readonly name: string
  readonly base: BaseConfig
  readonly log: ReturnType<typeof createLogger>
  readonly closers: ClosersOwner
  phase: 'starting' | 'running' | 'draining' | 'failing'
  started: boolean
  service?: Service
  discovery?: Discovery | undefined
  needed?: Readonly<Record<string, unknown>>
  registering?: Promise<Closable>
}

/** Runs a service as this process, from reading its environment to the exit code. */
export function runService<S extends ServiceSchema, N extends Needs<Readonly<z.output<S>>>>(
  definition: ServiceDefinition<S, N>,
): void {
  const { name } = definition
  const config = readConfig(definition.schema)
  const base: BaseConfig = config
  const log = createLogger({ service: name, id: base.SERVICE_ID, level: base.LOG_LEVEL })
  const closers = createClosers(log, CLOSE_EACH_MS)
  const shell: Shell = { name, base, log, closers, phase: 'starting', started: false }
  const registry = createRegistry(name)
  const readiness = () => readinessOfShell(shell, definition.worksWithout ?? [])
  const http = createAdminServer({ registry, started: () => shell.started, readiness })
  // First in, so closed last: the admin server answers probes until the end.
  closers.add({ close: () => http.close() })
  listenToProcess(shell)
  const context: ServiceContext<Readonly<z.output<S>>> = {
    id: base.SERVICE_ID,
    config,
    log,
    clock: systemClock,
    random: Math.random,
    timing: timingOf(base.TIME_SCALE),
    registry,
    closers,
    http,
    readiness,
    shutdown: (reason) => void end(shell, reason),
  }
  const build = async () => {
    const needed = await connect(definition.needs, context)
    shell.needed = needed
    shell.discovery = (needed as { readonly discovery?: Discovery }).discovery
    return definition.build(Object.assign({}, context, needed))
  }
  begin(shell, build, http).catch((error: unknown) =>
    fail(shell, error, 'the service could not start'),
  )
}

async function connect<C, N extends Needs<C>>(
  needs: N,
  context: ServiceContext<C>,
): Promise<Connected<N>> {
  const connected: Record<string, unknown> = {}
  for (const [name, need] of Object.entries(needs)) {
    const thing = (connected[name] = await need(context))
    if (isClosable(thing)) context.closers.add(thing)
    // Only a supervisor can replace a permanently closed connection.
    if (hasEnd(thing)) void thing.closed.then(() => context.shutdown(`${name}-closed`))
  }
  return connected as Connected<N>
}

function isClosable(thing: unknown): thing is Closable {
  return typeof thing === 'object' && thing !== null && 'close' in thing
}

function hasEnd(thing: unknown): thing is { readonly closed: Promise<unknown> } {
  return (
    typeof thing === 'object' &&
    thing !== null &&
    'closed' in thing &&
    thing.closed instanceof Promise
  )
}

function readConfig<S extends ServiceSchema>(schema: S): Readonly<z.output<S>> {
  try {
    return loadConfig(schema, process.env)
  } catch (error) {
    if (error instanceof ConfigError) exitWithProblems(error)
    throw error
  }
}

function exitWithProblems({ problems }: ConfigError): never {
  process.stderr.write(`${problems.join('\n')}\n`)
  process.exit(CONFIG_EXIT_CODE)
}

function readinessOfShell(
  { phase, service, needed = {} }: Shell,
  worksWithout: readonly string[],
): Readiness {
  if (phase !== 'running') return { ok: false, reason: phase }
  return readinessOf(service?.ready?.() ?? { ok: true }, awayOf(needed), worksWithout)
}

function listenToProcess(shell: Shell) {
  for (const name of ['SIGTERM', 'SIGINT'] as const) {
    process.on(name, () => {
      // Also when the drain began otherwise: a second signal means that the operator has waited long enough
      // (R3).
      if (shell.phase === 'draining' || shell.phase === 'failing') process.exit(1)
      void end(shell, name)
    })
  }
  process.on('uncaughtException', (error) => void fail(shell, error, 'uncaught exception'))
  process.on('unhandledRejection', (error) => void fail(shell, error, 'unhandled rejection'))
}

type Build = () => Promise<Service>

async function begin(shell: Shell, build: Build, http: FastifyInstance) {
  const inTime = await settleWithin(startUp(shell, build, http), START_DEADLINE_MS)
  if (!inTime) throw new Error(`the service did not start within ${START_DEADLINE_MS} ms`)
}

async function startUp(shell: Shell, build: Build, http: FastifyInstance) {
  const { base, log, name } = shell
  const service = await build()
  shell.service = service
  // A signal may have arrived during an await; the end has then begun.
  if (shell.phase !== 'starting') return
  await http.listen({ host: base.HTTP_HOST, port: base.HTTP_PORT })
  if (shell.phase !== 'starting') return
  await service.start()
  if (shell.phase !== 'starting') return
  const address = addressOf(base, http)
  if (shell.discovery !== undefined) {
    const { host, port } = service.address?.(address) ?? address
    const entry = { id: base.SERVICE_ID, name: `agent-${name}`, host, port }
    shell.registering = shell.discovery.register(entry)
    await shell.registering
  }
  shell.started = true
  if (shell.phase !== 'starting') return
  shell.phase = 'running'
  log.info(address, 'The service has started')
}

function addressOf(base: BaseConfig, http: FastifyInstance): Address {
  const bound = http.server.address()
  if (bound === null || typeof bound === 'string') throw new Error('the admin server has no port')
  // Other processes cannot connect to the wildcard address, which has many spellings (`0`, `::0`): the bound one counts.
  const host = WILDCARDS.has(bound.address) ? hostname() : base.HTTP_HOST
  return { host: base.ADVERTISE_HOST ?? host, port: bound.port }
}

async function end(shell: Shell, reason: string) {
  const { log, base, closers } = shell
  if (shell.phase === 'draining' || shell.phase === 'failing') return
  shell.phase = 'draining'
  log.info({ reason }, 'The service accepts no new work and finishes its present work')
  const clean = await step(shell, 'deregister', DEREGISTER_DEADLINE_MS, () => deregister(shell))
  const drained = await step(shell, 'drain', base.DRAIN_DEADLINE_MS + DRAIN_GRACE_MS, async () =>
    shell.service?.drain(base.DRAIN_DEADLINE_MS),
  )
  await closers.closeAll()
  log.info({ clean: clean && drained }, 'The service has stopped')
  process.exit(0)
}

async function deregister({ registering }: Shell) {
  const registration = await registering
  await registration?.close()
}

/** One step of the end; a failure is logged and does not stop the next step (R2). */
async function step(shell: Shell, name: string, deadlineMs: number, work: () => Promise<void>) {
  try {
    const inTime = await settleWithin(work(), deadlineMs)
    if (!inTime)
      shell.log.warn(
        { step: name, deadlineMs },
        'A step of the shutdown takes too long; the process continues with the next one',
      )
    return inTime
  } catch (error) {
    shell.log.error(
      { err: error, step: name },
      'A step of the shutdown failed; the process continues with the next one',
    )
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
