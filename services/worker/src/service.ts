import { CHANNELS } from '@agentfleet/protocol'
import { settleWithin, type Service } from '@agentfleet/runtime'
import { listenToDispatches } from './node/dispatch.ts'
import { createNode, type Node, type NodeDeps } from './node/node.ts'
import { offersOf } from './node/offers.ts'
import { stopRuns } from './node/stops.ts'
import { countTenants } from './node/tenants.ts'

/**
 * A worker node: it accepts dispatched tasks, runs them and reports.
 *
 * States: created → running → draining (accepts nothing new) → closed. Invariants: one timer drives
 * all periodic work; when the time of a drain is over, the remaining runs are handed back
 * (`node/hand-back.ts`), so that other nodes continue them from their journals.
 */

/** Dependencies of a worker. */
export interface WorkerDeps extends NodeDeps {
  readonly shutdown: (reason: string) => void
}

const PULSE_MS = 250
/** Milliseconds between reports: the age of the providers in the API, and of what gateways know about tools. */
const REPORT_EVERY_MS = 2_000
/** Milliseconds of a drain for handing runs back: a confirmed report, then a flush. */
const GIVE_BACK_MS = 1_500
const FLUSH_MS = 500

/** Creates a worker; it opens nothing before `start`. */
export function createWorker(deps: WorkerDeps): Service {
  const { bus, clock } = deps
  /** Called when nothing runs, while a drain waits for that. */
  let onIdle: (() => void) | undefined
  const node = createNode(deps, () => {
    if (node.runs.size() === 0) onIdle?.()
  })
  let open: (() => void)[] = []
  let draining = false

  const drainThen = (idle: () => void): void => {
    draining = true
    node.heartbeats.drain()
    onIdle = idle
    if (node.runs.size() === 0) idle()
  }
  const drainHint = (): void => {
    if (!draining) drainThen(() => deps.shutdown('drained'))
  }

  return {
    async start() {
      if (open.length > 0) return
      const report = createReport(deps, node)
      const pulse = setInterval(() => {
        const now = clock.monotonicMs()
        node.heartbeats.tick()
        // Before any renewal, because a process that was paused may have lost its runs.
        node.ownership.noticePause()
        node.renewals.sweep(now)
        node.llm.sweep(node.clock.nowMs())
        report(now)
      }, PULSE_MS)
      open = [
        () => clearInterval(pulse),
        bus.onReconnect(() => node.ownership.doubtAll('bus back')),
        // Before the first heartbeat: a node that sends heartbeats but answers no ping looks dead.
        ...listenToControl(deps, node, drainHint),
      ]
      // Before the first heartbeat brings the first task.
      node.learnTime()
      await node.heartbeats.start()
      const dispatches = listenToDispatches({
        ...deps,
        nodeId: node.id,
        slots: deps.config.WORKER_SLOTS,
        runs: node.runs,
        draining: () => draining,
        take: node.take,
        doubt: node.ownership.doubt,
        nowMs: () => clock.nowMs(),
        // A task is overdue if one of the clocks says so: a doubt costs a question, a missed one may cost a second payment.
        latestMs: () => Math.max(clock.nowMs(), node.clock.nowMs()),
        starts: node.starts,
        heartbeat: node.heartbeats.current,
      })
      open.push(() => dispatches.close())
    },
    ready: () => (draining ? { ok: false, reason: 'draining' } : { ok: true }),
    async drain(deadlineMs) {
      await settleWithin(new Promise<void>(drainThen), Math.max(0, deadlineMs - GIVE_BACK_MS))
      await node.handBack(GIVE_BACK_MS - FLUSH_MS)
      for (const close of open.splice(0)) close()
      node.deltas.close()
      node.llm.close()
      await node.heartbeats.close()
    },
  }
}

/** Answers pings, stops runs that ended elsewhere, and drains on request. */
function listenToControl({ bus }: WorkerDeps, node: Node, drain: () => void): (() => void)[] {
  const { runs, heartbeats } = node
  const own = { where: { nodeId: node.id } }
  const subscriptions = [
    // The monitor's hint that this incarnation was declared dead comes with a ping (L6).
    bus.on(
      CHANNELS.ping,
      ({ deadIncarnation: dead }) => {
        if (dead !== undefined && heartbeats.riseFrom(dead)) {
          node.ownership.doubtAll('declared dead')
        }
        return {}
      },
      own,
    ),
    bus.on(CHANNELS.stop, (stop) => stopRuns(runs, stop), own),
    bus.on(CHANNELS.stopAnywhere, (stop) => stopRuns(runs, stop)),
    bus.on(CHANNELS.runs, ({ taskIds }) => {
      const answer = taskIds.flatMap((taskId) => {
        const run = runs.get(taskId)
        // A doubtful run does not count, because another node may run its task by now.
        if (run === undefined || run.doubtful) return []
        return [{ taskId, token: run.token, claim: run.claim }]
      })
      return answer.length > 0 ? { nodeId: node.id, runs: answer } : undefined
    }),
    bus.on(CHANNELS.textSoFar, ({ taskId }) => {
      const run = runs.get(taskId)
      return run === undefined ? undefined : node.deltas.soFar(run)
    }),
    bus.on(CHANNELS.tenants, () => ({ nodeId: node.id, ...countTenants(runs.all()) })),
    bus.on(
      CHANNELS.drain,
      () => {
        drain()
        return {}
      },
      own,
    ),
  ]
  return subscriptions.map((subscription) => () => subscription.close())
}

/** Reports the state of the models called recently, if any, and which tools and models tasks may name here. */
function createReport({ bus, tools, providers }: WorkerDeps, node: Node): (nowMs: number) => void {
  const { id: nodeId, llm } = node
  let dueAtMs = 0
  return (nowMs) => {
    if (nowMs < dueAtMs || !bus.connected()) return
    dueAtMs = nowMs + REPORT_EVERY_MS
    node.learnTime()
    const models = llm.providers()
    if (models.length > 0) bus.send(CHANNELS.providers, { nodeId, models }, { nodeId })
    const offers = offersOf(nodeId, tools.all(), tools.mcpProblems(), providers)
    bus.send(CHANNELS.offers, offers, { nodeId })
  }
}
