/**
 * The simulator as one HTTP server: it wires counters, limits, dice and the wheel to the routes.
 *
 * States: idle -> listening -> closed; closing twice, or before listening, is allowed. S1 every answer carries
 * `x-simulated: true`. S2 nothing survives `close`: no timer, no socket.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { SimulatorControls, SimulatorOptions } from './controls.ts'
import { answerAdminGet, answerAdminPost } from './http/admin.ts'
import { invalidRequest } from './http/api-error.ts'
import { answerChat, type ChatDeps } from './reply/chat.ts'
import { createFaultDice } from './settings/faults.ts'
import { readJson, sendError, sendJson } from './http/server.ts'
import { createLedger } from './counting/ledger.ts'
import { createLimiter } from './counting/limiter.ts'
import { PLAIN_MODELS, SCRIPT_PREFIX } from './reply/reply.ts'
import { parseScript, type ScriptTurn } from './reply/scripts.ts'
import { DEFAULT_SETTINGS, applySettings } from './settings/settings.ts'
import { createWheel } from './reply/wheel.ts'

/** An OpenAI-compatible server with made-up answers. */
export interface Simulator extends SimulatorControls {
  /** Listens, on a free port by default; `url` has no path. */
  readonly listen: (port?: number, host?: string) => Promise<{ readonly url: string }>
  /** Aborts all calls and frees the port. */
  readonly close: () => Promise<void>
}

/** Most scripts kept, so that a test that keeps adding cannot fill the memory. */
const SCRIPTS_MAX = 1_000
/** Connections waiting to be accepted when thousands of clients arrive together. */
const BACKLOG = 8_192
/** Most connections, including idle ones: twice the calls that the default allows. */
const CONNECTIONS_MAX = 100_000
/** A client sends its headers within this time. */
const HEADERS_TIMEOUT_MS = 10_000
/** Time for 4 MB of body over a slow link. */
const REQUEST_TIMEOUT_MS = 30_000
/** Longer than clients keep idle connections, so that the client closes first. */
const KEEP_ALIVE_MS = 65_000

/** Creates a simulator; it opens nothing before `listen`. Throws one error that names all wrong options. */
export function createSimulator(options: SimulatorOptions = {}): Simulator {
  const { scripts: firstScripts = {}, ...patch } = options
  const scripts = new Map<string, readonly ScriptTurn[]>()
  const wheel = createWheel()
  let settings = DEFAULT_SETTINGS
  let answers = 0
  const ledger = createLedger(() => settings.tasksRememberedMax, Date.now)
  const limiter = createLimiter(wheel.nowMs)
  const dice = createFaultDice(settings.seed)

  const configure: SimulatorControls['configure'] = (change) => {
    const result = applySettings(settings, change)
    if (result.kind === 'invalid') return result.problems
    settings = result.value
    if (change['seed'] !== undefined) dice.reseed(settings.seed)
    return []
  }
  const addScript: SimulatorControls['addScript'] = (name, turns) => {
    const script = parseScript(name, turns)
    if (script.kind === 'invalid') return script.problems
    const known = scripts.has(name as string)
    if (!known && scripts.size >= SCRIPTS_MAX)
      return [`there may be at most ${SCRIPTS_MAX} scripts`]
    scripts.set(name as string, script.value)
    return []
  }
  const problems = [
    ...configure(patch),
    ...Object.entries(firstScripts).flatMap(([name, turns]) => addScript(name, turns)),
  ]
  if (problems.length > 0) throw new Error(`Wrong simulator options: ${problems.join('; ')}`)

  const controls: SimulatorControls = {
    stats: () => ({ ...ledger.stats(), violations: limiter.violations() }),
    settings: () => settings,
    configure,
    addScript,
    callsOf: ledger.callsOf,
    repeatedCalls: ledger.repeated,
    reset: () => {
      ledger.reset()
      limiter.reset()
      dice.reseed(settings.seed)
    },
  }
  const chat: ChatDeps = {
    settings: controls.settings,
    scripts,
    wheel,
    limiter,
    ledger,
    dice,
    nextId: () => `chatcmpl-sim${(answers += 1)}`,
  }
  return { ...controls, ...createListener(createRouter(chat, controls), wheel.close) }
}

type Route = (request: IncomingMessage, response: ServerResponse) => void

function createRouter(chat: ChatDeps, controls: SimulatorControls): Route {
  return (request, response) => {
    const [path = '', query = ''] = (request.url ?? '').split('?', 2)
    if (request.method === 'GET') {
      if (path === '/v1/models') sendJson(response, 200, modelList(chat))
      else if (!answerAdminGet(response, path, query, controls)) {
        sendError(response, noSuchPage(path))
      }
      return
    }
    if (request.method !== 'POST') return sendError(response, noSuchPage(path))
    if (path === '/sim/reset') {
      answerAdminPost(response, path, undefined, controls)
      return
    }
    readJson(request, (body) => {
      if (body.kind === 'gone') return
      const isChat = path === '/v1/chat/completions'
      if (body.kind === 'refused') {
        if (isChat) chat.ledger.refuse('invalid')
        sendError(response, body.error)
      } else if (isChat) answerChat(response, request.headers, body.value, chat)
      else if (!answerAdminPost(response, path, body.value, controls)) {
        sendError(response, noSuchPage(path))
      }
    })
  }
}

function createListener(route: Route, onClose: () => void): Pick<Simulator, 'listen' | 'close'> {
  const server = createServer({ headersTimeout: HEADERS_TIMEOUT_MS }, route)
  server.requestTimeout = REQUEST_TIMEOUT_MS
  server.keepAliveTimeout = KEEP_ALIVE_MS
  server.maxConnections = CONNECTIONS_MAX

  const listen: Simulator['listen'] = (port = 0, host = '127.0.0.1') =>
    new Promise((resolve, reject) => {
      server.once('error', reject)
      server.listen({ port, host, backlog: BACKLOG }, () => {
        server.off('error', reject)
        const address = server.address() as AddressInfo
        const name = address.family === 'IPv6' ? `[${address.address}]` : address.address
        resolve({ url: `http://${name}:${address.port}` })
      })
    })

  const close: Simulator['close'] = () =>
    new Promise((resolve) => {
      onClose()
      // The only possible error is "not running", and then nothing is left to do.
      server.close(() => {
        resolve()
      })
      server.closeAllConnections()
    })

  return { listen, close }
}

function modelList(chat: ChatDeps): string {
  const scripted = Array.from(chat.scripts.keys(), (name) => SCRIPT_PREFIX + name)
  const data = [...PLAIN_MODELS, ...scripted].map((id) => {
    return { id, object: 'model', created: 0, owned_by: 'simulated' }
  })
  return JSON.stringify({ object: 'list', data })
}

function noSuchPage(path: string): ReturnType<typeof invalidRequest> {
  return invalidRequest(`Unknown request URL: ${path}.`, null, 'unknown_url', 404)
}
