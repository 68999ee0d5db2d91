import type { Bus } from '@agentfleet/adapters'
import {
  createNewest,
  echoProblem,
  fitsToolPattern,
  matchesPattern,
  mayUseSomeTool,
  mayUseTool,
  NODES_MAX,
  type TaskSpec,
  type TenantTools,
} from '@agentfleet/domain'
import {
  CHANNELS,
  type McpProblem,
  type McpProblemView,
  type ModelView,
  type OfferedTool,
  type ToolView,
} from '@agentfleet/protocol'
import type { Clock } from '@agentfleet/runtime'
import { meant, Refusal, shown } from '../http/problems.ts'

/**
 * The tools and models that the nodes offer (L6: a hint), so that a misspelt name is refused at once.
 *
 * Invariants: only the last report of each node counts, and no report older than AGE_MAX_MS; nothing is refused
 * within LISTEN_FIRST_MS of the first report, because other nodes may offer more.
 */
export type Offers = ReturnType<typeof followOffers>

/** Milliseconds. Nodes report every two seconds, and some may be restarting. */
const AGE_MAX_MS = 30_000
/** The list of reports is made again after this, so a silent node may count for so much longer, milliseconds. */
const FRESH_MS = 100
/** Milliseconds; two reports of every node. */
const LISTEN_FIRST_MS = 4_000
/** The reports of all nodes together: some kB of each, bytes. */
const SAID_MAX_BYTES = 64 * 1024 * 1024

interface Said {
  readonly tools: readonly OfferedTool[]
  readonly models: readonly string[]
  readonly mcpProblems: readonly McpProblem[]
  readonly heardAtMs: number
}

/** Follows the reports of the nodes. */
export function followOffers(deps: {
  bus: Pick<Bus, 'on'>
  clock: Pick<Clock, 'monotonicMs'>
  rules: TenantTools
}) {
  const { bus, clock, rules } = deps
  const nodes = createNewest<string, Said>({ entriesMax: NODES_MAX, bytesMax: SAID_MAX_BYTES })
  let listeningSinceMs = 0
  /** Every submission asks, so the list is made once for each report and each FRESH_MS. */
  let listed: { readonly said: readonly Said[]; readonly atMs: number } | undefined

  const fresh = (): readonly Said[] => {
    const nowMs = clock.monotonicMs()
    if (listed !== undefined && nowMs - listed.atMs < FRESH_MS) return listed.said
    for (const [nodeId, { heardAtMs }] of nodes.entries()) {
      if (nowMs - heardAtMs > AGE_MAX_MS) nodes.delete(nodeId)
    }
    listed = { said: [...nodes.values()], atMs: nowMs }
    return listed.said
  }
  const subscription = bus.on(CHANNELS.offers, (offers, { bytes }) => {
    const { nodeId, tools, models, mcpProblems = [] } = offers
    const heardAtMs = clock.monotonicMs()
    if (fresh().length === 0) listeningSinceMs = heardAtMs
    const readable = tools.filter((tool) => tool !== undefined)
    nodes.set(nodeId, { tools: readable, models, mcpProblems, heardAtMs }, bytes)
    listed = undefined
  })

  return {
    /** Returns the tools that the tenant may use, by name, each with the number of nodes that offer it. */
    tools(tenant: string): ToolView[] {
      const tools = fresh().flatMap((node) => node.tools)
      return counted(tools, nameOf).filter(({ name }) => mayUseTool(rules, tenant, name))
    },
    /** Returns the tenant's MCP servers that lack tools, each problem with the number of nodes that report it. */
    mcpProblems(tenant: string): McpProblemView[] {
      const all = fresh().flatMap((node) => node.mcpProblems)
      const problems = counted(all, ({ server, problem }) => `${server} ${problem}`)
      return problems.filter(({ server }) => mayUseSomeTool(rules, tenant, `${server}__`))
    },
    /** Returns the models by name, each with the number of nodes that serve it. */
    models(): ModelView[] {
      const models = fresh().flatMap((node) => [...new Set(node.models)].map((name) => ({ name })))
      return counted(models, nameOf)
    },
    /** Throws a Refusal for a tool or a model that no node offers to the tenant. */
    check(tenant: string, spec: Pick<TaskSpec, 'model' | 'fallbackModels' | 'tools'>): void {
      checkEcho(spec.model, '/model')
      if (spec.fallbackModels !== undefined) {
        for (const model of spec.fallbackModels) checkEcho(model, '/fallbackModels')
      }
      const said = fresh()
      if (said.length === 0 || clock.monotonicMs() - listeningSinceMs < LISTEN_FIRST_MS) return
      if (spec.tools !== undefined) checkTools(spec.tools, said, rules, tenant)
      // The usual task names one model.
      if (spec.fallbackModels === undefined && serves(said, spec.model)) return
      checkModels([spec.model, ...(spec.fallbackModels ?? [])], said)
    },
    close: () => subscription.close(),
  }
}

/** Refuses a model that asks echo for something that it does not know. */
export function checkEcho(model: string, pointer: string): void {
  const problem = echoProblem(model)
  if (problem === undefined) return
  throw new Refusal('unknown-model', `The model ${model} ${problem}.`, [
    { pointer, detail: problem },
  ])
}

const nameOf = ({ name }: { readonly name: string }): string => name

/** Returns the things that the nodes report, each once, in the order of their keys, with the number of reports. */
function counted<T extends object>(
  things: readonly T[],
  keyOf: (thing: T) => string,
): (T & { nodes: number })[] {
  const byKey = new Map<string, T & { nodes: number }>()
  for (const thing of things) {
    const key = keyOf(thing)
    byKey.set(key, { ...thing, nodes: (byKey.get(key)?.nodes ?? 0) + 1 })
  }
  return [...byKey].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, view]) => view)
}

function checkTools(
  names: readonly string[],
  said: readonly Said[],
  rules: TenantTools,
  tenant: string,
): void {
  const all = said.flatMap(({ tools }) => tools.map(({ name }) => name))
  const known = [...new Set(all.filter((name) => mayUseTool(rules, tenant, name)))]
  const offered = (pattern: string) => known.some((name) => fitsToolPattern(pattern, name))
  const unknown = names.filter((name) => !offered(name))
  if (unknown.length === 0) return
  throw new Refusal(
    'unknown-tool',
    `No node offers ${shown(unknown)}${rules === undefined ? '' : ' to your tenant'}.${meant(unknown, known)} Use one of these tools: ${shown(known.toSorted())}.`,
    unknown.map((name) => ({ pointer: '/tools', detail: `no node offers ${name}` })),
  )
}

function serves(said: readonly Said[], model: string): boolean {
  return said.some((node) => node.models.some((pattern) => matchesPattern(pattern, model)))
}

function checkModels(models: readonly string[], said: readonly Said[]): void {
  const unknown = models.filter((model) => !serves(said, model))
  if (unknown.length === 0) return
  const known = [...new Set(said.flatMap((node) => node.models))]
  throw new Refusal(
    'unknown-model',
    `No provider serves ${shown(unknown)}.${meant(unknown, known)} Use one of these models: ${shown(known.toSorted())}.`,
    unknown.map((model) => ({ pointer: '/model', detail: `no provider serves ${model}` })),
  )
}
