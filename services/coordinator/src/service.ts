import { createLogFill, createTaskSubmitter } from '@agentfleet/adapters'
import { createTaskSeries } from '@agentfleet/domain'
import type { Service } from '@agentfleet/runtime'
import { createRequestsInTurn } from './due/in-turn.ts'
import { createDue } from './due/service.ts'
import { createEndedTasks } from './follower/ended-tasks.ts'
import { createLogClock } from './follower/log-clock.ts'
import { createHoldings } from './follower/holdings.ts'
import { createFigures } from './figures/service.ts'
import { createFollower } from './follower/service.ts'
import { createTenantShares } from './follower/shares.ts'
import { createTaskTable } from './follower/task-table.ts'
import { together } from './loops.ts'
import type { CoordinatorDeps, PartDeps } from './deps.ts'
import { createIssuer } from './repair/issue.ts'
import { createRepair } from './repair/service.ts'
import { createStreamRepair } from './repair/streams.ts'
import { cancelTask, type Cancel } from './reports/cancel.ts'
import { createReports } from './reports/service.ts'
import { createSupersede } from './reports/supersede.ts'

/** Some weeks of a fleet with many agents; a small coordinator has 256 MiB for everything, bytes. */
const SERIES_MAX_BYTES = 24 * 1024 * 1024

/** Cancellations and approvals at once: enough to hide the round trips to the log. */
const REQUESTS_AT_ONCE = 64

/**
 * The coordinator: it alone writes history after `submitted`. It does nothing before `start`.
 *
 * It has five parts. `reports` answers nodes and gateways (L2 to L4); `follower` reads the log in order into a
 * table of unfinished tasks and writes it to Redis; `due` ends waits and runs schedules when their time has
 * come; `repair` adds what a crash has left incomplete (L8); `figures` answers questions about counts. In addition,
 * `streams` makes lost streams again. Any number of coordinators
 * may run: each follows the log, and `due` and `repair` may do everything twice.
 */
export function createCoordinator(deps: CoordinatorDeps): Service {
  const { issuer, reports, follower, due, repair, figures } = createParts(deps)
  // First: the other parts read and write what it makes.
  const { provision } = deps
  const streams = provision === undefined ? [] : [createStreamRepair(deps, provision)]
  const parts = together([...streams, reports, follower, due, repair, figures])

  return {
    async start() {
      // First of all: the nodes cannot connect without it.
      await deps.vouching?.start()
      await parts.start()
    },
    async drain(deadlineMs) {
      issuer.close()
      const early = [...streams, reports, due, repair, figures]
      await Promise.all(early.map((part) => part.drain(deadlineMs)))
      // The follower drains last, because the other parts act on what it reads.
      await follower.drain(deadlineMs)
      await deps.vouching?.drain(deadlineMs)
    },
    ready: parts.ready,
  }
}

/** Creates the five parts, and what they share. */
function createParts(deps: CoordinatorDeps) {
  // Before the gateways have said how many tenants there are, the log of the fleet is read: several share the room.
  const tenants = (): number => (follower.followed() ? shares.tenants() : 2)
  const tasks = createTaskTable(tenants)
  const logClock = createLogClock(deps)
  const issuer = createIssuer({ ...deps, tasks })
  const logFill = createLogFill(deps.taskLog)
  const endedTasks = createEndedTasks(deps)
  const holdings = createHoldings(endedTasks)
  const series = createTaskSeries(SERIES_MAX_BYTES, tenants)
  const shares = createTenantShares({ ...deps, holdings, endedTasks, logFill })
  const submitter = createTaskSubmitter({
    ...deps,
    logFill,
    pass: deps.pointers.issue,
    admits: ({ tenant, spec, parent }) =>
      shares.decide(tenant, Buffer.byteLength(JSON.stringify(spec)), parent !== undefined).kind ===
      'take',
  })
  const shared: PartDeps = {
    ...deps,
    tasks,
    holdings,
    endedTasks,
    series,
    shares,
    issuer,
    logFill,
    submitter,
    nowMs: logClock.nowMs,
    logMs: logClock.readMs,
    tenants,
    followed: () => follower.followed(),
  }
  // A bulk cancellation, or the end of a parent, cancels many tasks, and each reads the history of its task.
  const inTurn = createRequestsInTurn(REQUESTS_AT_ONCE, tenants)
  const cancel: Cancel = (request) => inTurn(request.tenant, () => cancelTask(shared, request))
  const due = createDue({ ...shared, cancel })
  const repair = createRepair(shared)
  const follower = createFollower({
    ...shared,
    logClock,
    begin() {
      due.begin()
      repair.begin()
    },
    receive(record) {
      due.receive(record)
      repair.receive(record)
    },
  })
  const reports = createReports({
    ...shared,
    cancel,
    report: {
      ...shared,
      random: Math.random,
      make: due.make,
      supersede: createSupersede(deps.bus),
    },
    ended: due.ended,
    approve: (request) => inTurn(request.tenant, () => due.approve(request)),
  })
  const figures = createFigures(shared)
  deps.metrics.observe({
    unfinished: tasks.size,
    inReport: reports.inReport,
    position: follower.position,
  })
  return { issuer, reports, follower, due, repair, figures }
}
